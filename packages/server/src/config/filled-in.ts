import { createMaskByText, type SecretMask } from '../telemetry/secret-mask.ts';
import type { ConfigPath } from './config-problem.ts';
import type { Environment } from './interpolate.ts';

/** What the environment has filled in: a message names the variable and never shows what it held. */
export interface FilledIn {
  /** `the value of ${NAME}` for a value that was made of variables; undefined where it stands in the file. */
  at(path: ConfigPath): string | undefined;
  /** A text with `${NAME}` in the place of each value that was filled in. */
  inNames(text: string): string;
  /** The values that were filled in, as far as they are looked for in texts. */
  values(): readonly FilledValue[];
}

export interface FilledValue {
  readonly name: string;
  readonly value: string;
}

/** A shorter value is a port, a word or a number, and would be found in anything. */
const shortestValue = 6;

/** `variablesAt`: those that the value at a path was made of; `names`: all that the file refers to. */
export function createFilledIn(
  env: Environment,
  names: () => Iterable<string>,
  variablesAt: (path: ConfigPath) => readonly string[],
): FilledIn {
  const values = (): readonly FilledValue[] =>
    [...new Set(names())].flatMap((name) => {
      const value = Object.hasOwn(env, name) ? env[name] : undefined;
      return value === undefined || value.length < shortestValue ? [] : [{ name, value }];
    });
  return {
    values,
    at(path) {
      const variables = variablesAt(path).map((name) => `\${${name}}`);
      if (variables.length === 0) return undefined;
      return `the ${variables.length === 1 ? 'value' : 'values'} of ${variables.join(', ')}`;
    },
    inNames: withNames(values),
  };
}

/** A function that puts `${NAME}` in the place of each of these values. It asks for them once, at its first text. */
export function withNames(values: () => readonly FilledValue[]): (text: string) => string {
  let mask: SecretMask | undefined;
  return (text) => {
    mask ??= createMaskByText(values().map(({ name, value }) => [value, `\${${name}}`] as const));
    return mask(text);
  };
}
