/**
 * Finds one stop string in a text that comes in pieces, a unit at a time: Knuth, Morris and Pratt's automaton. A step
 * costs the same however long the stop string is, and nothing of the text is kept.
 */
export interface StopMatcher {
  /** Takes one UTF-16 unit; the stop string's length where it ends here, else 0. */
  step(unit: number): number;
  /** Units at the end of the text so far that are the beginning of the stop string. */
  matched(): number;
}

export function createStopMatcher(stop: string): StopMatcher {
  const fallback = fallbackTable(stop);
  let state = 0;
  return {
    step(unit) {
      while (state > 0 && stop.charCodeAt(state) !== unit) state = fallback[state - 1] ?? 0;
      if (stop.charCodeAt(state) === unit) state++;
      return state === stop.length ? stop.length : 0;
    },
    matched: () => state,
  };
}

/** For each prefix, the length of the longest proper prefix of it that is also its suffix. */
function fallbackTable(stop: string): readonly number[] {
  const table = [0];
  let length = 0;
  for (let index = 1; index < stop.length; index++) {
    while (length > 0 && stop.charCodeAt(index) !== stop.charCodeAt(length)) length = table[length - 1] ?? 0;
    if (stop.charCodeAt(index) === stop.charCodeAt(length)) length++;
    table.push(length);
  }
  return table;
}
