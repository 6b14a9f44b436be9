import { emptyJsonText, type JsonText, joinJsonText } from '@tailrace/protocol';

/**
 * Keeps a character whole whose two halves came in two deltas: the first half waits for the second. What
 * stays alone becomes U+FFFD, as it would in any decoder.
 */
export interface PairHold {
  /** The text that may go out now. */
  push(json: JsonText): JsonText;
  /** What was held, when nothing more comes. */
  flush(): JsonText;
}

const escapeLength = '\\ud83d'.length;
const replacement = '\\ufffd' as JsonText;

export function createPairHold(): PairHold {
  let held: JsonText = emptyJsonText;
  return {
    push: (json) => {
      // The common case: nothing held, and no escape that could be a half.
      if (held === '' && !json.includes('\\u')) return json;
      let text = joinJsonText(held, json);
      held = emptyJsonText;
      if (isFirstHalf(text.slice(-escapeLength)) && !isEscaped(text, text.length - escapeLength)) {
        held = text.slice(-escapeLength) as JsonText;
        text = text.slice(0, -escapeLength) as JsonText;
      }
      return withoutLoneHalves(text);
    },
    flush: () => {
      const alone = held;
      held = emptyJsonText;
      return alone === '' ? emptyJsonText : replacement;
    },
  };
}

function isFirstHalf(text: string): boolean {
  return /^\\ud[89ab][0-9a-f]{2}$/i.test(text);
}

/** True where the backslash at `at` is itself the second of a pair: `\\\\ud83d` is text, not an escape. */
function isEscaped(text: string, at: number): boolean {
  let before = 0;
  while (text[at - 1 - before] === '\\') before += 1;
  return before % 2 === 1;
}

function withoutLoneHalves(text: JsonText): JsonText {
  if (!/\\ud[89a-f]/i.test(text)) return text;
  const pairs = /\\(?:ud[89ab][0-9a-f]{2}\\ud[c-f][0-9a-f]{2}|(ud[89a-f][0-9a-f]{2})|.)/gi;
  return text.replace(pairs, (match, lone: string | undefined) =>
    lone === undefined ? match : replacement,
  ) as JsonText;
}
