import { messagesJson } from '../domain/chat-json.ts';
import { type ChatRequest, messagesAsSent } from '../domain/chat-request.ts';
import { isObject, type JsonObject, type JsonValue } from '../domain/json.ts';
import type { Ledger } from '../ledger/contract.ts';
import type { ContentBody } from '../storage/contents.ts';
import type { Log } from '../telemetry/log.ts';

/** What is kept of a request's messages together, and of one text in them, in UTF-16 units. */
const maxCharacters = 256 * 1024;
const maxText = 64 * 1024;

/** Who has a say in whether the content of a request is kept; undefined: has said nothing. */
export interface ContentWishes {
  readonly key: boolean | undefined;
  readonly model: boolean | undefined;
  /** `logging.content`. */
  readonly everywhere: boolean;
}

/** A key or a model that says no is obeyed, whoever else says yes: what is not kept cannot be read by the wrong people. */
export function keepsContent(wishes: ContentWishes): boolean {
  return !forbidsContent(wishes) && (wishes.key === true || wishes.model === true || wishes.everywhere);
}

/** Whether the log may show the words of upstreams whole, which may quote the prompt: only where the configuration says so for all. */
export function showsWording(wishes: ContentWishes): boolean {
  return wishes.everywhere && !forbidsContent(wishes);
}

function forbidsContent({ key, model }: ContentWishes): boolean {
  return key === false || model === false;
}

/** The messages of a request as they are kept: the newest ones, with texts of a bounded length. */
export type KeptMessages = Pick<ContentBody, 'messages' | 'messages_left_out'>;

export function keptMessages(request: ChatRequest): KeptMessages {
  const all = messagesJson(messagesAsSent(request));
  const messages: JsonObject[] = [];
  let room = maxCharacters;
  for (let at = all.length - 1; at >= 0; at -= 1) {
    const message = bounded(all[at] ?? {}) as JsonObject;
    const size = JSON.stringify(message).length;
    if (size > room) break;
    room -= size;
    messages.unshift(message);
  }
  return { messages, messages_left_out: all.length - messages.length };
}

function bounded(value: JsonValue): JsonValue {
  if (typeof value === 'string') {
    return value.length <= maxText ? value : `${value.slice(0, maxText)}… (${value.length} characters)`;
  }
  if (Array.isArray(value)) return value.map(bounded);
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, bounded(inner)]));
}

/** Hands contents to the ledger, whose thread masks and stores them. */
export interface ContentKeeper {
  /** Does not wait. */
  keep(id: string, createdAtMs: number, messages: KeptMessages, choices: readonly JsonObject[]): void;
}

export interface ContentKeeperOptions {
  readonly ledger: Pick<Ledger, 'keepContent'>;
  readonly log: Pick<Log, 'warn'>;
  /** Contents that are on their way to the ledger. Default: 64. */
  readonly mostOnTheWay?: number;
}

export function createContentKeeper({ ledger, log, mostOnTheWay = 64 }: ContentKeeperOptions): ContentKeeper {
  let onTheWay = 0;
  let lost = 0;
  return {
    keep(id, createdAtMs, messages, choices) {
      if (onTheWay >= mostOnTheWay) {
        lost += 1;
        if (lost === 1)
          log.warn('prompts and answers are not kept', { reason: 'they come faster than they are stored' });
        return;
      }
      onTheWay += 1;
      void ledger.keepContent({ id, createdAtMs, body: { ...messages, choices } }).finally(() => {
        onTheWay -= 1;
        if (onTheWay === 0) lost = 0;
      });
    },
  };
}
