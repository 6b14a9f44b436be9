/** Longer names are text in the place of a name: no candidate is meant, and comparing costs their length. */
const longestName = 64;

/**
 * The candidate a misspelt name was most likely meant to be, or undefined where none is close: at most a
 * third of its letters wrong, and one wrong letter always forgiven. Names of more than 64 characters are close to none.
 */
export function nearest(name: string, candidates: Iterable<string>): string | undefined {
  if (name.length > longestName) return undefined;
  const wanted = name.toLowerCase();
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(wanted.length / 3)) + 1;
  for (const candidate of candidates) {
    // Each letter more or less is a mistake by itself.
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
 * Insertions, deletions, substitutions and swaps of neighbours; two letters swapped are one mistake. Given up as
 * `bound` where no way of fewer mistakes is left.
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
    // Every way to the end leads through one of two rows that follow each other.
    if (Math.min(least, leastOfLast) >= bound) return bound;
    leastOfLast = least;
    [beforeLast, last, row] = [last, row, beforeLast];
  }
  return at(last, right.length);
}

function at(row: Uint16Array, index: number): number {
  return row[index] ?? 0;
}
