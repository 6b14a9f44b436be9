import type { JsonObject, JsonValue } from '../domain/json.ts';
import { isObject } from '../domain/json.ts';
import type { RequestContent, Store } from '../storage/contract.ts';
import { createChangingRedact, type Redact } from '../telemetry/redact.ts';
import type { LedgerLog } from './ledger-log.ts';

export interface ContentWriterOptions {
  readonly store: Pick<Store, 'keepContents' | 'content'>;
  readonly log: LedgerLog;
  readonly retentionMs: number;
  /** Unix milliseconds. */
  now(): number;
  /** Contents that wait for the store. Default: 256. Each is bounded by who makes it. */
  readonly mostWaiting?: number;
}

/**
 * Writes contents beside the records, and never in their way: one at a time, without the spool. Masking a long chat takes
 * milliseconds, which is why it happens on this thread. What the store does not take is lost, and counted in the log.
 */
export interface ContentWriter {
  keep(content: RequestContent): Promise<void>;
  find(id: string): Promise<RequestContent | undefined>;
  mask(secrets: readonly string[], keyPrefix: string): void;
  /** Resolves when what waits is stored or lost. */
  close(): Promise<void>;
}

export function createContentWriter(options: ContentWriterOptions): ContentWriter {
  const { store, log, retentionMs, now, mostWaiting = 256 } = options;
  const { redact, replace } = createChangingRedact();
  let waiting = 0;
  let last = Promise.resolve();
  let lost = 0;

  async function write(content: RequestContent): Promise<void> {
    try {
      const { messages, messages_left_out, choices } = content.body;
      const body = { messages: messages.map(masked), messages_left_out, choices: choices.map(masked) };
      await store.keepContents([{ ...content, body }]);
    } catch (error) {
      lose(error instanceof Error ? error.message : String(error));
      return;
    }
    if (lost > 0) log.info('prompts and answers are kept again', { lost });
    lost = 0;
  }

  function lose(reason: string): void {
    lost += 1;
    if (lost === 1) log.warn('prompts and answers are not kept', { reason });
  }

  function masked(part: JsonObject): JsonObject {
    return maskedValue(part, redact) as JsonObject;
  }

  return {
    async keep(content) {
      if (waiting >= mostWaiting) {
        lose('the store is too slow');
        return;
      }
      waiting += 1;
      const turn = last.then(() => write(content));
      last = turn;
      await turn;
      waiting -= 1;
    },
    async find(id) {
      const found = await store.content(id);
      return found === undefined || found.createdAtMs < now() - retentionMs ? undefined : found;
    },
    mask: replace,
    close: () => last,
  };
}

/** Text by text: what spans two of them, such as the form of the JSON, must stay as it is. */
function maskedValue(value: JsonValue, redact: Redact): JsonValue {
  if (typeof value === 'string') return redact(value);
  if (Array.isArray(value)) return value.map((item) => maskedValue(item, redact));
  if (!isObject(value)) return value;
  // Clients choose the names of members too, in arguments of tools and in fields that are not known here.
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [redact(name), maskedValue(inner, redact)]),
  );
}
