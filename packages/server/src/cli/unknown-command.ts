import { didYouMean } from '../domain/nearest.ts';

/**
 * The refusal of the second word of a command, one line: `tailrace keys` without one, `tailrace config chek`. `names`: those that
 * there are.
 */
export function unknownCommand(noun: string, asked: string | undefined, names: readonly string[]): string {
  const list = names.length === 1 ? `there is only ${names[0]}` : `expected one of ${names.join(', ')}`;
  if (asked === undefined) return `${noun} needs a command: ${list}`;
  const shown = JSON.stringify(`${noun} ${asked.slice(0, 64)}`);
  return `there is no command ${shown}${didYouMean(asked, names)}; ${list}`;
}
