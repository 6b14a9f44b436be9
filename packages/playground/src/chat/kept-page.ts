import { isObject } from '../api/json.ts';
import { type Behind, type Draft, draftOf, type LiveCompletion } from './chat-state.ts';
import type { Message, MessageTree, ToolCall } from './message-tree.ts';
import { noParameters, parameterNames } from './parameters.ts';
import { readFacts } from './read-facts.ts';
import { formatKinds, isAskedFormat, type ResponseFormat, textFormat } from './response-format.ts';
import { streamPathIn } from './stream-address.ts';
import type { Tool, ToolSettings } from './tools.ts';

export interface KeptChat {
  /** Undefined where another version of this page has kept it. */
  readonly id: string | undefined;
  /** Undefined where the tab had no room for it: the history of the browser may have it. */
  readonly draft: Partial<Draft> | undefined;
  /** The completion that was running when the page was left. */
  readonly live: LiveCompletion | undefined;
  /** False for a chat that was left while its answer runs. */
  readonly isShown: boolean;
}

/** What survives a reload of this tab, and ends with it: the chats that are shown, and those whose answers run. */
export interface PageKeeper {
  read(): readonly KeptChat[];
  keep(chats: readonly (KeptChat & { readonly id: string; readonly draft: Draft })[]): void;
}

const pageName = 'tailrace-page';

export function createPageKeeper(storage: Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>): PageKeeper {
  return {
    read: () => readChats(storage.getItem(pageName)),
    keep(chats) {
      const kept = chats.map((chat) => ({ ...chat, draft: draftOf(chat.draft) }));
      try {
        storage.setItem(pageName, JSON.stringify(kept));
      } catch {
        // The storage of a tab has some megabytes, that of the history far more: which chats they were is enough then.
        storage.removeItem(pageName);
        storage.setItem(pageName, JSON.stringify(kept.map((chat) => ({ ...chat, draft: undefined }))));
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
  const { id, draft, live, isShown } = isObject(kept) ? kept : {};
  return {
    id: typeof id === 'string' ? id : undefined,
    draft: draft === undefined ? undefined : readDraft(draft),
    live: readLive(live),
    isShown: isShown !== false,
  };
}

function readLive(value: unknown): LiveCompletion | undefined {
  const { completionId, messageId, streamPath, behind } = isObject(value) ? value : {};
  if (typeof completionId !== 'string' || typeof messageId !== 'string') return undefined;
  return {
    completionId,
    messageId,
    streamPath: typeof streamPath === 'string' ? streamPathIn(streamPath) : undefined,
    behind: isBehind(behind) ? behind : undefined,
  };
}

function isBehind(value: unknown): value is Behind {
  return isObject(value) && typeof value['text'] === 'number' && typeof value['thoughts'] === 'number';
}

/** Reads a draft that came from outside: of another version, or of another person. What does not fit is left out. */
export function readDraft(value: unknown): Partial<Draft> {
  const { model, system, tree, parameters, tools, format, stream } = isObject(value) ? value : {};
  const given = isObject(parameters) ? parameters : {};
  const texts = parameterNames.map((name) => [name, typeof given[name] === 'string' ? given[name] : '']);
  return {
    ...(typeof model === 'string' ? { model } : {}),
    ...(typeof system === 'string' ? { system } : {}),
    ...(typeof stream === 'boolean' ? { stream } : {}),
    tree: readTree(tree),
    parameters: { ...noParameters, ...Object.fromEntries(texts) },
    tools: readTools(tools),
    format: readFormat(format),
  };
}

function readTools(value: unknown): ToolSettings {
  const { all, answersFromMock } = isObject(value) ? value : {};
  return {
    all: Array.isArray(all) ? all.filter(isTool) : [],
    answersFromMock: answersFromMock === true,
  };
}

function isTool(value: unknown): value is Tool {
  const names = ['name', 'description', 'parameters', 'mock'];
  return isObject(value) && names.every((name) => typeof value[name] === 'string');
}

function readFormat(value: unknown): ResponseFormat {
  const { kind, name, strict, schema } = isObject(value) ? value : {};
  return {
    kind: formatKinds.find((one) => one === kind) ?? textFormat.kind,
    name: typeof name === 'string' ? name : textFormat.name,
    strict: typeof strict === 'boolean' ? strict : textFormat.strict,
    schema: typeof schema === 'string' ? schema : textFormat.schema,
  };
}

function readTree(value: unknown): MessageTree {
  const { all, leafId } = isObject(value) ? value : {};
  const read = (Array.isArray(all) ? all.filter(isMessage) : []).map((message) => ({
    ...message,
    facts: readFacts(message.facts),
  }));
  const messages = [...new Map(read.map((message) => [message.id, message])).values()];
  const leaf = messages.find(({ id }) => id === leafId) ?? messages.at(-1);
  return { all: messages, leafId: leaf?.id ?? null };
}

function isMessage(value: unknown): value is Message {
  if (!isObject(value)) return false;
  const { id, parentId, role, text, thoughts, calls, callId, format } = value;
  return (
    typeof id === 'string' &&
    (typeof parentId === 'string' || parentId === null) &&
    (role === 'user' || role === 'assistant' || role === 'tool') &&
    typeof text === 'string' &&
    typeof thoughts === 'string' &&
    (calls === undefined || (Array.isArray(calls) && calls.every(isCall))) &&
    (format === undefined || isAskedFormat(format)) &&
    (callId === undefined || typeof callId === 'string')
  );
}

function isCall(value: unknown): value is ToolCall {
  return isObject(value) && ['id', 'name', 'arguments'].every((name) => typeof value[name] === 'string');
}
