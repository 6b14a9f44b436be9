import { type Failure, fail, failure, ok, type Result } from './failure.ts';
import { didYouMean } from './nearest.ts';
import { shortened } from './shortened.ts';

/** A parameter's text, by its name; absent where it was not given. */
export type Parameters<Name extends string> = Readonly<Partial<Record<Name, string>>>;

export const longestValue = 1_024;

/**
 * Reads a raw query string whose parameters must be among `known`. Failures: `unsupported_parameter` for another name;
 * `invalid_value` for a parameter that is given twice, is empty, or is longer than 1,024 characters.
 */
export function readParameters<const Name extends string>(
  query: string,
  known: readonly Name[],
): Result<Parameters<Name>> {
  const isKnown = (name: string): name is Name => (known as readonly string[]).includes(name);
  const read: Partial<Record<Name, string>> = {};
  for (const [name, value] of new URLSearchParams(query)) {
    if (!isKnown(name)) {
      const hint = didYouMean(name, known);
      const there = known.length === 0 ? 'none is taken' : `there are: ${known.join(', ')}`;
      const message = `There is no parameter ${quoted(name)} here${hint}; ${there}.`;
      return fail(
        failure('unsupported_parameter', message, { param: name.slice(0, 64).replace(/[^\x21-\x7e]/g, '?') }),
      );
    }
    if (read[name] !== undefined) return fail(wrong(name, 'is given twice; give it once'));
    if (value === '') return fail(wrong(name, 'is empty; give it a value, or leave it out'));
    if (value.length > longestValue)
      return fail(wrong(name, `has ${value.length} characters; at most ${longestValue} are read`));
    read[name] = value;
  }
  return ok(read);
}

/** The failure of a parameter's value; `what` continues a sentence that begins with the parameter's name. */
export function wrong(name: string, what: string): Failure {
  return failure('invalid_value', `The parameter ${quoted(name)} ${what}.`, { param: name });
}

/** A text from outside for a message: in quotes, of bounded length, on one line. */
export function quoted(text: string): string {
  return JSON.stringify(shortened(text));
}
