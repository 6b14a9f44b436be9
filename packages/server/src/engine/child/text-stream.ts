import { createStopMatcher, type StopMatcher } from '../../domain/stop-matcher.ts';

/**
 * Removes stop strings from text.
 *
 * Text that may be the beginning of a stop string is held back. The stop string that ends first counts, and of several
 * that end at one place the longest; this does not depend on how the text was cut into tokens. No part of the stop
 * string leaves; all text before it does.
 *
 * Cost: one step of a Knuth-Morris-Pratt automaton for each stop string and UTF-16 unit, whatever the length.
 */
export interface TextStream {
  /** Takes text; returns the text that may leave. Returns no text after a stop string was found. */
  push(text: string): TextPiece;
  /** UTF-16 units that are held back. */
  held(): number;
  /** The end without a stop string: returns the text that is held. */
  flush(): string;
}

export interface TextPiece {
  readonly text: string;
  /** True once a stop string has been found. */
  readonly stopped: boolean;
  /** UTF-16 units that never leave: the stop string and the text behind it. */
  readonly dropped: number;
}

export function createTextStream(stops: readonly string[]): TextStream {
  const matchers = stops.filter((stop) => stop !== '').map(createStopMatcher);
  let held = '';
  let stopped = false;

  return {
    push(arrived) {
      if (stopped) return { text: '', stopped, dropped: arrived.length };
      if (matchers.length === 0) return { text: arrived, stopped, dropped: 0 };
      const pending = held + arrived;
      for (let end = held.length + 1; end <= pending.length; end++) {
        const found = longestMatch(matchers, pending.charCodeAt(end - 1));
        if (found === 0) continue;
        stopped = true;
        held = '';
        const cut = wholeCharacters(pending, end - found);
        return { text: pending.slice(0, cut), stopped, dropped: pending.length - cut };
      }
      const keep = Math.max(...matchers.map((matcher) => matcher.matched()));
      const leave = wholeCharacters(pending, pending.length - keep);
      held = pending.slice(leave);
      return { text: pending.slice(0, leave), stopped, dropped: 0 };
    },
    held: () => held.length,
    flush() {
      const text = held;
      held = '';
      return text;
    },
  };
}

/** The length of the longest stop string that ends with this unit; 0 where none does. */
function longestMatch(matchers: readonly StopMatcher[], unit: number): number {
  let longest = 0;
  for (const matcher of matchers) longest = Math.max(longest, matcher.step(unit));
  return longest;
}

/** Moves a cut inside a surrogate pair to the place before it. */
function wholeCharacters(text: string, cut: number): number {
  if (cut <= 0 || cut >= text.length) return cut;
  const before = text.charCodeAt(cut - 1);
  const after = text.charCodeAt(cut);
  const splits = before >= 0xd800 && before <= 0xdbff && after >= 0xdc00 && after <= 0xdfff;
  return splits ? cut - 1 : cut;
}
