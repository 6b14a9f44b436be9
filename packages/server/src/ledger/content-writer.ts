import { setImmediate as turn } from 'node:timers/promises';
import type { JsonObject, JsonValue } from '../domain/json.ts';
import { isObject } from '../domain/json.ts';
import type { RequestContent, Store } from '../storage/contract.ts';
import { createChangingRedact } from '../telemetry/redact.ts';
import type { LedgerLog } from './ledger-log.ts';

/** Some 6 ms of masking. One text has at most 64 Ki units. */
const unitsOfATurn = 32 * 1024;

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
 * Writes contents beside the records, and never in their way: one at a time, without the spool. Masking a long chat takes a tenth
 * of a second, which is why it happens on this thread, and in pieces: admissions have their turn between them. What the store does
 * not take is lost, and counted in the log.
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
      const body = {
        messages: (await masked(messages)) as JsonObject[],
        messages_left_out,
        choices: (await masked(choices)) as JsonObject[],
      };
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

  /** UTF-16 units that were masked since the last turn of the event loop. */
  let maskedUnits = 0;

  /** Text by text: what spans two of them, such as the form of the JSON, must stay as it is. */
  async function masked(value: JsonValue): Promise<JsonValue> {
    if (typeof value === 'string') {
      maskedUnits += value.length;
      if (maskedUnits > unitsOfATurn) {
        maskedUnits = 0;
        await turn();
      }
      return redact(value);
    }
    if (Array.isArray(value)) {
      const items: JsonValue[] = [];
      for (const item of value) items.push(await masked(item));
      return items;
    }
    if (!isObject(value)) return value;
    const members: [string, JsonValue][] = [];
    // Clients choose the names of members too, in arguments of tools and in fields that are not known here.
    for (const [name, inner] of Object.entries(value)) members.push([redact(name), await masked(inner)]);
    return Object.fromEntries(members);
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
