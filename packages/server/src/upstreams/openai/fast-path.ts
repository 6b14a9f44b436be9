import { isUtf8 } from 'node:buffer';
import { type JsonText, jsonText } from '@tailrace/protocol';
import type { StreamEvent, TextDelta } from '../../domain/stream-event.ts';
import type { FastPath } from '../http/answer/dialect.ts';
import { asObject, parseJson } from '../http/unknown-json.ts';
import { decodeChunk } from './chunk.ts';

/**
 * Most events of a stream differ only in their text. Once the bytes before and after the text are known, such an event needs
 * neither the decoder nor a parse: its text is copied in its escaped form, which is also the form of our output.
 *
 *     data: {"id":"…","choices":[{"index":0,"delta":{"content":"   Hello   "},"finish_reason":null}]}⏎⏎
 *     └─────────────────────── start ──────────────────────────┘  text  └────────── end ───────────────┘
 *
 * `learn` parses start and end with another text between them, and checks that this is a chunk of one choice with that text and
 * without any other output. Then the body of any JSON string between them is a chunk with that text.
 *
 * Measured for an event of 210 bytes: 0.2 µs; lines and decoding take 0.4 µs, and a parse 1.4 µs more.
 */
export interface LearningFastPath extends FastPath {
  /** Learns from an event that was parsed: `delta` was its only output. */
  learn(data: string, delta: TextDelta): void;
  /** The choice whose deltas are read; without meaning before an event was learnt. */
  readonly choice: number;
}

const printable = /^[\x20-\x7e]*$/;
const canonical = /^(?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\bfnrt])*$/;
const shortLength = 32;
const space = 0x20;
const quote = 0x22;
const backslash = 0x5c;
const tilde = 0x7e;
const unescaped = /^[^"\\\x00-\x1f]*$/;
const contentKey = /"content"\s*:\s*"/g;
const field = 'data: ';
const blankLine = '\n\n';
const otherText = 'x';
/** Learning takes a parse or two: after this many attempts it is tried only when the number of attempts is a power of two. */
const eagerAttempts = 8;
/** Each position that may hold the text costs these parses of the chunk. A usual chunk is short and has one position. */
const maxLearntLength = 16 * 1024;
const maxPlaces = 4;

/** Creates a fast path that has learnt nothing. It leaves an event over `maxEventBytes` to the decoder, which refuses it. */
export function createLearningFastPath(maxEventBytes: number): LearningFastPath {
  return new Learnt(maxEventBytes);
}

class Learnt implements LearningFastPath {
  private start = '';
  private end = '';
  private misses = 0;
  private readonly maxEventBytes: number;
  choice = 0;
  taken = 0;

  constructor(maxEventBytes: number) {
    this.maxEventBytes = maxEventBytes;
  }

  read(buffer: Buffer, from: number, to: number): StreamEvent[] | undefined {
    const { start, end } = this;
    this.taken = 0;
    if (start === '' || to - from <= start.length + end.length) return undefined;
    let batch: StreamEvent[] | undefined;
    const all = buffer.toString('latin1', from, to);
    let at = 0;
    while (all.startsWith(start, at)) {
      const begin = at + start.length;
      // `end` may match at an escaped quote inside the text: then `text` ends in a single backslash, and is not accepted.
      const stop = all.indexOf(end, begin);
      if (stop <= begin || stop - at + end.length > this.maxEventBytes) break;
      const text = all.slice(begin, stop);
      const json = isCanonical(text)
        ? (text as JsonText)
        : escapedText(text, buffer.subarray(from + begin, from + stop));
      if (json === undefined) break;
      const delta: TextDelta = { type: 'text-delta', choice: this.choice, json };
      if (batch === undefined) batch = [delta];
      else batch.push(delta);
      at = stop + end.length;
    }
    if (at > 0 && this.misses > 0) this.misses = 0;
    this.taken = at;
    return batch;
  }

  learn(data: string, delta: TextDelta): void {
    // Where one read has several events, all of them are parsed, and all after the first are known here.
    if (this.knows(data)) return;
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
      // The event itself was parsed with its own text, so one other text shows that the text stands here and nowhere else.
      const isSure = data.slice(from, to) === delta.json && delta.json !== otherText;
      if (!isTextOnly(before, otherText, after) || !(isSure || isTextOnly(before, '', after))) continue;
      // Joined, because a concatenation or a slice keeps the text of the event beside its own.
      this.start = [field, before].join('');
      this.end = sharedEnd([after, blankLine].join(''));
      this.choice = delta.choice;
      return;
    }
  }

  /** Whether the event begins and ends as the learnt one. */
  private knows(data: string): boolean {
    const { start, end } = this;
    const from = start.length - field.length;
    const to = data.length - (end.length - blankLine.length);
    return from > 0 && from <= to && start.endsWith(data.slice(0, from)) && end.startsWith(data.slice(to));
  }
}

/** Whether a text in JSON is written as {@link jsonText} writes it. A short text is tested by a loop: a call of the pattern costs 0.3 µs. */
function isCanonical(text: string): boolean {
  const { length } = text;
  if (length > shortLength) return canonical.test(text);
  for (let at = 0; at < length; at += 1) {
    const code = text.charCodeAt(at);
    if (code < space || code > tilde || code === quote || code === backslash) return canonical.test(text);
  }
  return true;
}

/** Text beyond ASCII as {@link jsonText} writes it; undefined where it has escapes, which need a parse, or is not UTF-8. */
function escapedText(latin1: string, bytes: Buffer): JsonText | undefined {
  return unescaped.test(latin1) && isUtf8(bytes) ? jsonText(bytes.toString('utf8')) : undefined;
}

const ends = new Map<string, string>();
const maxEnds = 256;
const longestSharedEnd = 1_024;

/**
 * One string for all streams that end their events alike, as those of one upstream do. Because every event reads this string, it
 * stays in the processor's cache.
 */
function sharedEnd(end: string): string {
  const known = ends.get(end);
  if (known !== undefined || end.length > longestSharedEnd) return known ?? end;
  if (ends.size >= maxEnds) ends.clear();
  ends.set(end, end);
  return end;
}

function endOfString(data: string, from: number): number {
  let at = from;
  while (at < data.length && data[at] !== '"') at += data[at] === '\\' ? 2 : 1;
  return at;
}

/** Whether a chunk of `before`, `text` and `after` holds that text, and no other output. Its choice is in `before` or `after`. */
function isTextOnly(before: string, text: string, after: string): boolean {
  const parsed = asObject(parseJson(before + text + after));
  const chunk = parsed === undefined ? undefined : decodeChunk(parsed);
  const [only, ...others] = chunk?.choices ?? [];
  if (chunk === undefined || only === undefined || others.length > 0) return false;
  const hasNoOther =
    only.reasoning === '' &&
    only.refusal === '' &&
    only.calls.length === 0 &&
    only.details.length === 0 &&
    only.others === undefined &&
    only.extra === undefined;
  return (
    hasNoOther &&
    only.text === text &&
    only.finish === undefined &&
    only.logprobs === undefined &&
    only.usage === undefined &&
    chunk.usage === undefined &&
    chunk.error === undefined
  );
}
