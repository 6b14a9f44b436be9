import { isObject } from '../api/failure.ts';
import type { Draft, Message } from './chat-state.ts';
import { noParameters, parameterNames } from './parameters.ts';

/** The completion that was running when the page was left. */
export interface LiveCompletion {
  readonly completionId: string;
  readonly messageId: string;
}

export interface KeptPage {
  readonly draft: Partial<Draft>;
  readonly live: LiveCompletion | undefined;
}

/** What survives a reload of this tab, and ends with it. */
export interface PageKeeper {
  key(): string | undefined;
  keepKey(key: string | undefined): void;
  page(): KeptPage;
  keepPage(draft: Draft, live: LiveCompletion | undefined): void;
}

const keyName = 'tailrace-key';
const pageName = 'tailrace-page';

export function createPageKeeper(storage: Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>): PageKeeper {
  return {
    key: () => storage.getItem(keyName) ?? undefined,
    keepKey(key) {
      if (key === undefined) storage.removeItem(keyName);
      else storage.setItem(keyName, key);
    },
    page: () => readPage(storage.getItem(pageName)),
    keepPage({ model, system, messages, parameters, stream }, live) {
      const draft: Draft = { model, system, messages, parameters, stream };
      try {
        storage.setItem(pageName, JSON.stringify({ draft, live }));
      } catch {
        // The storage of a tab has some megabytes: a chat that is longer is not kept.
        storage.removeItem(pageName);
      }
    },
  };
}

/** Another version of this page may have written it: what does not fit is left out. */
function readPage(text: string | null): KeptPage {
  let kept: unknown;
  try {
    kept = JSON.parse(text ?? 'null');
  } catch {
    kept = undefined;
  }
  const draft = isObject(kept) && isObject(kept['draft']) ? kept['draft'] : {};
  const live = isObject(kept) && isObject(kept['live']) ? kept['live'] : {};
  const { model, system, messages, parameters, stream } = draft;
  const { completionId, messageId } = live;
  const given = isObject(parameters) ? parameters : {};
  const texts = parameterNames.map((name) => [name, typeof given[name] === 'string' ? given[name] : '']);
  return {
    draft: {
      ...(typeof model === 'string' ? { model } : {}),
      ...(typeof system === 'string' ? { system } : {}),
      ...(typeof stream === 'boolean' ? { stream } : {}),
      ...(Array.isArray(messages) ? { messages: messages.filter(isMessage) } : {}),
      parameters: { ...noParameters, ...Object.fromEntries(texts) },
    },
    live:
      typeof completionId === 'string' && typeof messageId === 'string'
        ? { completionId, messageId }
        : undefined,
  };
}

function isMessage(value: unknown): value is Message {
  if (!isObject(value)) return false;
  const { id, role, text, thoughts, facts } = value;
  return (
    typeof id === 'string' &&
    (role === 'user' || role === 'assistant') &&
    typeof text === 'string' &&
    typeof thoughts === 'string' &&
    (facts === undefined || (isObject(facts) && typeof facts['pieces'] === 'number'))
  );
}
