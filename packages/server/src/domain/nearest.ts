/** A longer text is not a misspelt name, and comparing it would take time in proportion to its length. */
const longestName = 64;

/**
 * The candidate that is most similar to a misspelt name; undefined where none is close. Close means at most one third of the
 * letters wrong, or a single wrong letter. Names of more than 64 characters have no close candidate.
 */
export function nearest(name: string, candidates: Iterable<string>): string | undefined {
  if (name.length > longestName) return undefined;
  const wanted = name.toLowerCase();
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(wanted.length / 3)) + 1;
  for (const candidate of candidates) {
    // Each letter of the difference in length is one mistake.
    if (Math.abs(candidate.length - wanted.length) >= bestDistance) continue;
    const distance = editDistance(wanted, candidate.toLowerCase(), bestDistance);
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** ` (did you mean "lab"?)`, or nothing where no candidate is close. */
export function didYouMean(name: string, candidates: Iterable<string>): string {
  const guess = nearest(name, candidates);
  return guess === undefined ? '' : ` (did you mean "${guess}"?)`;
}

/**
 * The number of insertions, deletions, substitutions and swaps of neighbours that turn `left` into `right`. Returns `bound`
 * as soon as the number cannot be smaller.
 */
function editDistance(left: string, right: string, bound: number): number {
  const width = right.length + 1;
  let beforeLast = new Uint16Array(width);
  let last = Uint16Array.from({ length: width }, (_, index) => index);
  let row = new Uint16Array(width);
  let leastOfLast = 0;
  for (let i = 1; i <= left.length; i++) {
    const letter = left.charCodeAt(i - 1);
    const letterBefore = left.charCodeAt(i - 2);
    row[0] = i;
    let least = i;
    for (let j = 1; j <= right.length; j++) {
      const facing = right.charCodeAt(j - 1);
      const same = letter === facing;
      let cost = Math.min(at(last, j) + 1, at(row, j - 1) + 1, at(last, j - 1) + (same ? 0 : 1));
      if (i > 1 && j > 1 && letter === right.charCodeAt(j - 2) && letterBefore === facing) {
        cost = Math.min(cost, at(beforeLast, j - 2) + 1);
      }
      row[j] = cost;
      if (cost < least) least = cost;
    }
    // Every sequence of edits passes through one of two consecutive rows.
    if (Math.min(least, leastOfLast) >= bound) return bound;
    leastOfLast = least;
    [beforeLast, last, row] = [last, row, beforeLast];
  }
  return at(last, right.length);
}

function at(row: Uint16Array, index: number): number {
  return row[index] ?? 0;
}
