import { createSseDecoder, type SseItem } from '@tailrace/protocol';
import type { BatchReceiver } from '../../domain/batches.ts';
import { type Failure, failure } from '../../domain/failure.ts';
import type { EventBatch, StreamEvent } from '../../domain/stream-event.ts';
import type { AnswerBody, BytesReceiver } from '../../transport/answer-body.ts';
import type { BatchReader } from '../shared/lazy-stream.ts';
import { eventTooLarge } from '../shared/malformed-events.ts';
import { createFastPath } from './fast-path.ts';
import { createNormaliser, type NormaliserOptions } from './normaliser.ts';

export interface StreamOptions extends NormaliserOptions {
  /** One event of the upstream. */
  readonly maxEventBytes: number;
  /** How long the last finish waits for its usage, in milliseconds. */
  readonly usageWaitMs: number;
  /** Of the answer, as its header says. */
  readonly contentType: string;
  /** Called once, when the body has been let go. */
  readonly onClosed?: () => void;
}

/** A whole completion where a stream was asked for. */
const maxCompletionBytes = 16 * 1024 * 1024;

/**
 * The body of a 200 as batches of events, one a read; comments make none. It ends with the last finish or
 * with `failed`, or with neither when `signal` is aborted. A whole answer lets its connection go for the next
 * request; in any other case the end, or `close()`, returns the body.
 */
export function readAnswer(body: AnswerBody, options: StreamOptions, signal: AbortSignal): BatchReader {
  let events: StreamEvent[] = [];
  let alive = false;
  let begun = false;
  let over = false;
  let closed = false;
  /** Whether deltas may be read without the decoder and the normaliser, as they were left. */
  let plain = false;
  let patience: NodeJS.Timeout | undefined;
  let waiting: BatchReceiver | undefined;
  const normaliser = createNormaliser(options, (event) => events.push(event));
  const fastPath = createFastPath(options.maxEventBytes);

  function onEvent(data: string): void {
    const parsed = parse(data);
    if (parsed === undefined) {
      normaliser.malformed(data);
      return;
    }
    const before = events.length;
    alive = true;
    normaliser.chunk(parsed.value);
    const [only, ...others] = events.slice(before);
    if (only?.type === 'text-delta' && others.length === 0 && normaliser.isPlain(only.choice)) {
      fastPath.learn(data, only);
    }
  }

  function onItem(item: SseItem): void {
    if (normaliser.ended !== undefined) return;
    switch (item.type) {
      case 'event':
        if (item.data.trim() === '[DONE]') normaliser.end();
        else if (item.event === 'error') normaliser.error(parse(item.data)?.value ?? item.data);
        else if (item.data.trim() !== '') onEvent(item.data);
        return;
      case 'incomplete':
        if (item.data.trim() === '[DONE]') normaliser.end();
        return;
      case 'malformed':
        normaliser.malformed(item.data);
        return;
      case 'too-large':
        normaliser.fail(eventTooLarge(item.maxEventBytes));
        return;
      case 'comment':
      case 'retry':
    }
  }

  const decoder = createSseDecoder({ maxEventBytes: options.maxEventBytes }, onItem);

  /** False where that was all of it, and nothing but deltas: then nothing else has changed. */
  function push(bytes: Uint8Array): boolean {
    const read = plain ? fastPath.read(bytes, events) : 0;
    if (read === bytes.length) return false;
    decoder.push(read === 0 ? bytes : bytes.subarray(read));
    plain = decoder.between && normaliser.isPlain(fastPath.choice);
    return true;
  }

  /** What is new since the last read; undefined where nothing was a sign of life. */
  function batchNow(): EventBatch | undefined {
    if (events.length === 0 && !alive) return undefined;
    const batch = events;
    events = [];
    alive = false;
    return batch;
  }

  /** What follows from the state that the normaliser is in now. */
  function settle(): void {
    if (normaliser.ended !== undefined) over = true;
    if (normaliser.ended === 'whole') body.release();
    // The pending read ends, and with it the wait: what was said is whole without the usage.
    else if (normaliser.held) patience ??= setTimeout(() => body.release(), options.usageWaitMs);
  }

  const reads: BytesReceiver = {
    bytes(bytes) {
      let batch: EventBatch | undefined;
      try {
        if (!begun && !begin(bytes)) return;
        if (!signal.aborted && push(bytes)) settle();
        batch = batchNow();
      } catch (bug) {
        tellBug(bug);
        return;
      }
      tell(batch);
    },
    ended(reason) {
      let batch: EventBatch | undefined;
      try {
        if (!signal.aborted) finish(reason);
        batch = batchNow();
      } catch (bug) {
        tellBug(bug);
        return;
      }
      tell(batch);
    },
  };

  function finish(reason: Failure | undefined): void {
    decoder.end();
    normaliser.end(reason);
    settle();
  }

  /** The first read tells whether it is a stream at all; false where it is not, and dealt with. */
  function begin(bytes: Uint8Array): boolean {
    begun = true;
    if (/^text\/event-stream\b/i.test(options.contentType)) return true;
    const kind = kindOf(bytes);
    if (kind === 'stream') return true;
    over = true;
    const whole = kind === 'json' ? collect(Buffer.from(bytes), body) : Promise.resolve(undefined);
    whole.then((text) => tell(signal.aborted ? undefined : completionEvents(text))).catch(tellBug);
    return false;
  }

  /** Hands a batch to whoever waits; without one, reads on. */
  function tell(batch: EventBatch | undefined): void {
    if (batch === undefined || signal.aborted) {
      proceed();
      return;
    }
    const receiver = waiting;
    waiting = undefined;
    receiver?.batch(batch);
  }

  function tellBug(bug: unknown): void {
    const receiver = waiting;
    waiting = undefined;
    receiver?.broke(bug);
  }

  function proceed(): void {
    if (!over && !signal.aborted) {
      body.pull(reads);
      return;
    }
    close().then(() => {
      const receiver = waiting;
      waiting = undefined;
      receiver?.end();
    }, tellBug);
  }

  async function close(): Promise<void> {
    over = true;
    if (closed) return;
    closed = true;
    clearTimeout(patience);
    await body.return();
    options.onClosed?.();
  }

  return {
    close,
    pull(receiver) {
      waiting = receiver;
      proceed();
    },
  };

  /** A completion that came as one JSON object goes the way of a chunk that says everything. */
  function completionEvents(text: string | undefined): readonly StreamEvent[] {
    const parsed = text === undefined ? undefined : parse(text);
    const value = parsed?.value;
    const isObject = typeof value === 'object' && value !== null;
    if (isObject && 'error' in value && value.error !== null) {
      // Under a 200 it is no answer to anything, unless it says itself what it is.
      normaliser.error(value, 200);
    } else if (isObject && 'choices' in value) {
      normaliser.chunk(value);
      normaliser.end();
    } else {
      normaliser.fail(
        failure('upstream_protocol', 'The upstream did not answer with a stream.', {
          detail: `content type ${options.contentType === '' ? 'absent' : options.contentType}`,
        }),
      );
    }
    return events;
  }
}

function parse(text: string): { readonly value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) as unknown };
  } catch {
    return undefined;
  }
}

/** What a body of some other content type turns out to be; servers that name none are common. */
function kindOf(bytes: Uint8Array): 'stream' | 'json' | 'other' {
  const start = Buffer.from(bytes.subarray(0, 256))
    .toString('utf8')
    .replace(/^\ufeff/, '');
  if (/^\s*[{[]/.test(start)) return 'json';
  return /^\s*(?:data|event|id|retry)?:/.test(start) ? 'stream' : 'other';
}

/** The rest of a body as text; undefined where it is cut, too large, or not UTF-8. */
async function collect(first: Uint8Array, body: AnswerBody): Promise<string | undefined> {
  const pieces = [first];
  let length = first.length;
  for (let read = await body.next(); ; read = await body.next()) {
    if (read.done === true) {
      if (read.value !== undefined) return undefined;
      try {
        return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(pieces));
      } catch {
        return undefined;
      }
    }
    pieces.push(read.value);
    length += read.value.length;
    if (length > maxCompletionBytes) return undefined;
  }
}
