/**
 * Finds one stop string in a text that comes in pieces: the automaton of Knuth, Morris and Pratt. The average cost of a step
 * does not depend on the length of the stop string, and no text is kept.
 */
export interface StopMatcher {
  /** Takes one UTF-16 unit. Returns the length of the stop string where it ends with this unit, else 0. */
  step(unit: number): number;
  /** How many units at the end of the text so far are the beginning of the stop string. */
  matched(): number;
}

/** `stop` must not be empty. */
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
