import { type JsonText, jsonText } from '@tailrace/protocol';
import type { TextDelta } from '../../domain/stream-event.ts';
import { decodeChunk } from './chunk.ts';

/**
 * Most chunks of a stream differ in their text alone. Once the bytes before and after it are known, a chunk
 * that has them needs no parse: its text is cut out, in the escaped form in which it leaves again.
 *
 *     {"id":"…","choices":[{"index":0,"delta":{"content":"   Hello   "},"finish_reason":null}]}
 *     └──────────────────── prefix ─────────────────────┘  text  └───────── suffix ──────────┘
 *
 * The learnt pair was parsed with an empty text between: it is a chunk with one choice and nothing else to
 * say. So any body of a JSON string between them is one with that text.
 */
export interface FastPath {
  /** The delta of a chunk that matches; undefined: parse it. */
  read(data: string): TextDelta | undefined;
  /** `data` was parsed, and this was all it said. */
  learn(data: string, delta: TextDelta): void;
}

const canonical = /^(?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\bfnrt])*$/;
const unescaped = /^[^"\\\x00-\x1f]*$/;
const contentKey = /"content"\s*:\s*"/g;
/** Learning costs two parses: where chunks differ in more than their text, it is tried ever more rarely. */
const eagerAttempts = 8;

export function createFastPath(): FastPath {
  let prefix: string | undefined;
  let suffix = '';
  let choice = 0;
  let misses = 0;

  return {
    read(data) {
      if (prefix === undefined || data.length <= prefix.length + suffix.length) return undefined;
      if (!data.startsWith(prefix) || !data.endsWith(suffix)) return undefined;
      const text = data.slice(prefix.length, data.length - suffix.length);
      const json = escapedText(text);
      if (json === undefined) return undefined;
      misses = 0;
      return { type: 'text-delta', choice, json };
    },
    learn(data, delta) {
      misses += 1;
      if (misses > eagerAttempts && !Number.isInteger(Math.log2(misses))) return;
      for (const match of data.matchAll(contentKey)) {
        const from = match.index + match[0].length;
        const to = endOfString(data, from);
        const [before, after] = [data.slice(0, from), data.slice(to)];
        if (!isTextOnly(before, '', after, delta.choice) || !isTextOnly(before, 'x', after, delta.choice))
          continue;
        prefix = before;
        suffix = after;
        choice = delta.choice;
        return;
      }
    },
  };
}

/** The body of a JSON string as {@link jsonText} would write it; undefined where that takes a parse. */
function escapedText(text: string): JsonText | undefined {
  if (canonical.test(text)) return text as JsonText;
  return unescaped.test(text) ? jsonText(text) : undefined;
}

function endOfString(data: string, from: number): number {
  let at = from;
  while (at < data.length && data[at] !== '"') at += data[at] === '\\' ? 2 : 1;
  return at;
}

/** Whether a chunk with `text` between these says that text for that choice, and nothing else. */
function isTextOnly(before: string, text: string, after: string, choice: number): boolean {
  let parsed: unknown;
  try {
    parsed = JSON.parse(before + text + after);
  } catch {
    return false;
  }
  const chunk = decodeChunk(parsed);
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
