/**
 * The choice that a provider's index means; undefined where the request asked for no such choice. With one choice every index
 * means it (contract, section 3).
 */
export function choiceOfIndex(index: unknown, choices: number): number | undefined {
  if (choices === 1) return 0;
  const given = index ?? 0;
  const at = typeof given === 'string' && /^\d{1,3}$/.test(given) ? Number(given) : given;
  return typeof at === 'number' && Number.isInteger(at) && at >= 0 && at < choices ? at : undefined;
}

/** Whether these indexes, of the outputs of one event, name several choices. Asked only where the request wants one choice. */
export function isSeveralChoices(indexes: readonly unknown[]): boolean {
  return new Set(indexes.map((index) => String(index ?? 0))).size > 1;
}

/** Whether two of the outputs of a whole answer mean one choice. In a stream each of several pieces may have the same index. */
export function isSharedChoice(indexes: readonly unknown[], choices: number): boolean {
  return new Set(indexes.map((index) => choiceOfIndex(index, choices))).size < indexes.length;
}
