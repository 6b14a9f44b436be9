import { isObject } from '../api/failure.ts';
import type { Draft, LiveCompletion } from './chat-state.ts';
import type { Message, MessageTree, ToolCall } from './message-tree.ts';
import { noParameters, parameterNames } from './parameters.ts';

export interface KeptChat {
  readonly draft: Partial<Draft>;
  /** The completion that was running when the page was left. */
  readonly live: LiveCompletion | undefined;
}

/** What survives a reload of this tab, and ends with it: the chats that are shown. */
export interface PageKeeper {
  read(): readonly KeptChat[];
  keep(chats: readonly { readonly draft: Draft; readonly live: LiveCompletion | undefined }[]): void;
}

const pageName = 'tailrace-page';

export function createPageKeeper(storage: Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>): PageKeeper {
  return {
    read: () => readChats(storage.getItem(pageName)),
    keep(chats) {
      const kept = chats.map(({ draft: { model, system, tree, parameters, stream }, live }) => {
        const draft: Draft = { model, system, tree, parameters, stream };
        return { draft, live };
      });
      try {
        storage.setItem(pageName, JSON.stringify(kept));
      } catch {
        // The storage of a tab has some megabytes: a chat that is longer is not kept.
        storage.removeItem(pageName);
      }
    },
  };
}

function readChats(text: string | null): KeptChat[] {
  let kept: unknown;
  try {
    kept = JSON.parse(text ?? 'null');
  } catch {
    kept = undefined;
  }
  return Array.isArray(kept) ? kept.map(readChat) : [];
}

/** Another version of this page may have written it: what does not fit is left out. */
function readChat(kept: unknown): KeptChat {
  const live = isObject(kept) && isObject(kept['live']) ? kept['live'] : {};
  const { completionId, messageId } = live;
  return {
    draft: readDraft(isObject(kept) ? kept['draft'] : undefined),
    live:
      typeof completionId === 'string' && typeof messageId === 'string'
        ? { completionId, messageId }
        : undefined,
  };
}

/** Reads a draft that came from outside: of another version, or of another person. What does not fit is left out. */
export function readDraft(value: unknown): Partial<Draft> {
  const { model, system, tree, parameters, stream } = isObject(value) ? value : {};
  const given = isObject(parameters) ? parameters : {};
  const texts = parameterNames.map((name) => [name, typeof given[name] === 'string' ? given[name] : '']);
  return {
    ...(typeof model === 'string' ? { model } : {}),
    ...(typeof system === 'string' ? { system } : {}),
    ...(typeof stream === 'boolean' ? { stream } : {}),
    tree: readTree(tree),
    parameters: { ...noParameters, ...Object.fromEntries(texts) },
  };
}

function readTree(value: unknown): MessageTree {
  const { all, leafId } = isObject(value) ? value : {};
  const messages = Array.isArray(all) ? all.filter(isMessage) : [];
  const leaf = messages.find(({ id }) => id === leafId) ?? messages.at(-1);
  return { all: messages, leafId: leaf?.id ?? null };
}

function isMessage(value: unknown): value is Message {
  if (!isObject(value)) return false;
  const { id, parentId, role, text, thoughts, calls, callId, facts } = value;
  return (
    typeof id === 'string' &&
    (typeof parentId === 'string' || parentId === null) &&
    (role === 'user' || role === 'assistant' || role === 'tool') &&
    typeof text === 'string' &&
    typeof thoughts === 'string' &&
    (calls === undefined || (Array.isArray(calls) && calls.every(isCall))) &&
    (callId === undefined || typeof callId === 'string') &&
    (facts === undefined || (isObject(facts) && typeof facts['pieces'] === 'number'))
  );
}

function isCall(value: unknown): value is ToolCall {
  return isObject(value) && ['id', 'name', 'arguments'].every((name) => typeof value[name] === 'string');
}
