import { isUtf8 } from 'node:buffer';
import { type JsonText, jsonText } from '@tailrace/protocol';
import type { StreamEvent, TextDelta } from '../../domain/stream-event.ts';
import type { FastPath } from '../http/answer/dialect.ts';
import { asRecord, parseJson } from '../http/unknown-json.ts';
import { decodeChunk } from './chunk.ts';

/**
 * Most events of a stream differ in their text alone. Once the bytes before and after it are known, an event
 * that has them needs no decoding and no parse: its text is cut out, in the escaped form in which it leaves again.
 *
 *     data: {"id":"…","choices":[{"index":0,"delta":{"content":"   Hello   "},"finish_reason":null}]}⏎⏎
 *     └─────────────────────── start ──────────────────────────┘  text  └────────── end ───────────────┘
 *
 * The learnt pair was parsed with an empty text between: it is a chunk with one choice and nothing else to
 * say. So any body of a JSON string between them is one with that text.
 *
 * Measured for an event of 210 bytes: 0.2 µs, against 0.4 for lines and decoding and 1.4 more for a parse.
 */
export interface LearntEvent extends FastPath {
  /** `data` was parsed, and this was all it said. */
  learn(data: string, delta: TextDelta): void;
  /** The choice whose deltas are read; of no meaning before one was learnt. */
  readonly choice: number;
}

const printable = /^[\x20-\x7e]*$/;
const canonical = /^(?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\bfnrt])*$/;
const unescaped = /^[^"\\\x00-\x1f]*$/;
const contentKey = /"content"\s*:\s*"/g;
/** Learning costs two parses: where chunks differ in more than their text, it is tried ever more rarely. */
const eagerAttempts = 8;
/** A chunk has one place for text, and little else; each place that is tried costs parses of all of it. */
const maxLearntLength = 16 * 1024;
const maxPlaces = 4;

/** `maxEventBytes`: a larger event is left to the decoder, which refuses it. */
export function createLearntEvent(maxEventBytes: number): LearntEvent {
  return new Learnt(maxEventBytes);
}

class Learnt implements LearntEvent {
  private start = '';
  private end = '';
  private misses = 0;
  private readonly maxEventBytes: number;
  choice = 0;
  batch: StreamEvent[] = [];

  constructor(maxEventBytes: number) {
    this.maxEventBytes = maxEventBytes;
  }

  read(buffer: Buffer, from: number, to: number): number {
    const { start, end } = this;
    if (start === '' || to - from <= start.length + end.length) return 0;
    const all = buffer.toString('latin1', from, to);
    let at = 0;
    while (all.startsWith(start, at)) {
      const begin = at + start.length;
      // A quote inside the text has a backslash before it: then what lies before is no body of a string.
      const stop = all.indexOf(end, begin);
      if (stop <= begin || stop - at + end.length > this.maxEventBytes) break;
      const text = all.slice(begin, stop);
      const json = canonical.test(text)
        ? (text as JsonText)
        : escapedText(text, buffer.subarray(from + begin, from + stop));
      if (json === undefined) break;
      const delta: TextDelta = { type: 'text-delta', choice: this.choice, json };
      if (at === 0) this.batch = [delta];
      else this.batch.push(delta);
      at = stop + end.length;
    }
    if (at > 0 && this.misses > 0) this.misses = 0;
    return at;
  }

  learn(data: string, delta: TextDelta): void {
    this.misses += 1;
    if (this.misses > eagerAttempts && !Number.isInteger(Math.log2(this.misses))) return;
    if (data.length > maxLearntLength || !printable.test(data)) return;
    let places = 0;
    for (const match of data.matchAll(contentKey)) {
      places += 1;
      if (places > maxPlaces) return;
      const from = match.index + match[0].length;
      const to = endOfString(data, from);
      const [before, after] = [data.slice(0, from), data.slice(to)];
      if (!isTextOnly(before, '', after, delta.choice) || !isTextOnly(before, 'x', after, delta.choice))
        continue;
      this.start = `data: ${before}`;
      this.end = `${after}\n\n`;
      this.choice = delta.choice;
      return;
    }
  }
}

/** Text beyond ASCII as {@link jsonText} would write it; undefined where that takes a parse, or is no text. */
function escapedText(latin1: string, bytes: Buffer): JsonText | undefined {
  return unescaped.test(latin1) && isUtf8(bytes) ? jsonText(bytes.toString('utf8')) : undefined;
}

function endOfString(data: string, from: number): number {
  let at = from;
  while (at < data.length && data[at] !== '"') at += data[at] === '\\' ? 2 : 1;
  return at;
}

/** Whether a chunk with `text` between these says that text for that choice, and nothing else. */
function isTextOnly(before: string, text: string, after: string, choice: number): boolean {
  const parsed = asRecord(parseJson(before + text + after));
  const chunk = parsed === undefined ? undefined : decodeChunk(parsed);
  const [only, ...others] = chunk?.choices ?? [];
  if (chunk === undefined || only === undefined || others.length > 0) return false;
  const silent =
    only.reasoning === '' && only.refusal === '' && only.calls.length === 0 && only.details.length === 0;
  return (
    silent &&
    only.index === choice &&
    only.text === text &&
    only.finish === undefined &&
    only.logprobs === undefined &&
    chunk.usage === undefined &&
    chunk.error === undefined
  );
}
