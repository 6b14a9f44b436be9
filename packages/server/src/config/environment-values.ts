import { createMaskByText, type SecretMask } from '../telemetry/secret-mask.ts';
import type { ConfigPath } from './config-problem.ts';
import type { Environment } from './environment.ts';

/** The values that the file takes from the environment. Messages name the variable and never show its value. */
export interface EnvironmentValues {
  /** `the value of ${NAME}` for a value that is made of variables; undefined for one that is written in the file. */
  describe(path: ConfigPath): string | undefined;
  /** The text, with `${NAME}` in the place of each value. */
  withNames(text: string): string;
  /** The values that `withNames` replaces: those of six characters or more. */
  values(): readonly EnvironmentValue[];
}

export interface EnvironmentValue {
  readonly name: string;
  readonly value: string;
}

/** A shorter value is a port, a word or a number: to replace it would damage texts that contain it by chance. */
const shortestValue = 6;

/** `names`: the variables that the file uses; `variablesAt`: those that the value at a path is made of. */
export function createEnvironmentValues(
  env: Environment,
  names: () => Iterable<string>,
  variablesAt: (path: ConfigPath) => readonly string[],
): EnvironmentValues {
  const values = (): readonly EnvironmentValue[] =>
    [...new Set(names())].flatMap((name) => {
      const value = Object.hasOwn(env, name) ? env[name] : undefined;
      return value === undefined || value.length < shortestValue ? [] : [{ name, value }];
    });
  return {
    values,
    describe(path) {
      const variables = variablesAt(path).map((name) => `\${${name}}`);
      if (variables.length === 0) return undefined;
      return `the ${variables.length === 1 ? 'value' : 'values'} of ${variables.join(', ')}`;
    },
    withNames: withVariableNames(values),
  };
}

/** A function that replaces each of these values by `${NAME}`. It calls `values` once, for its first text. */
export function withVariableNames(values: () => readonly EnvironmentValue[]): (text: string) => string {
  let mask: SecretMask | undefined;
  return (text) => {
    mask ??= createMaskByText(values().map(({ name, value }) => [value, `\${${name}}`] as const));
    return mask(text);
  };
}
