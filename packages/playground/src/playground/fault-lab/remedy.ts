import type { Ending, LabFault } from './lab-api.ts';

/** One sentence: what Tailrace does about a fault in a setting. Undefined where the key may not use that model. */
export function remedyOf(fault: LabFault, setting: string): string | undefined {
  const ends = (name: string): Ending | undefined =>
    fault.models.find((model) => model.setting === name)?.expected;
  const expected = ends(setting);
  switch (expected?.kind) {
    case undefined:
      return undefined;
    case 'whole':
      return wholeBy(setting, ends);
    case 'error-event':
      return `Nothing can go on from there: the stream ends in an error event, ${expected.code}, without a finish.`;
    case 'http-error':
      return `No target answers: the request is refused with ${expected.status} and the code ${expected.code}.`;
  }
}

function wholeBy(setting: string, ends: (name: string) => Ending | undefined): string {
  const helps = (name: string) => {
    const ending = ends(name);
    return ending !== undefined && ending.kind !== 'whole';
  };
  if (setting === 'takeover' && helps('failover'))
    return 'The second target goes on behind the last word that came: the answer is whole, each word once.';
  if (setting !== 'truth' && helps('truth'))
    return 'The second target is asked before you have seen a word: the answer is whole.';
  return 'Tailrace puts it right, or asks again: the answer is whole.';
}

/**
 * Whether an answer ended as its fault declares. Codes are compared, not where the error stood: a stream that had its head and no word
 * looks like a refusal here.
 */
export function isAsExpected(expected: Ending, seen: Ending): boolean {
  if (expected.kind === 'whole' || seen.kind === 'whole') return expected.kind === seen.kind;
  return expected.code === seen.code;
}
