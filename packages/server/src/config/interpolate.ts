import type { Environment } from './environment.ts';

export interface Interpolated {
  readonly text: string;
  /** Every variable that the text refers to, for messages about the value. */
  readonly names: readonly string[];
  /** Those of them whose value is in the text; for the others their default is. */
  readonly filledBy: readonly string[];
  /** One sentence for each reference that has no value. */
  readonly problems: readonly string[];
}

const reference = /\$\$\{|\$\{([^}]*)(\}?)/g;
const wellFormed = /^([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?$/s;

/**
 * Replaces `${NAME}` and `${NAME:-default}` by the values of variables; `$${` stands for a literal `${`. As in a shell,
 * the default also replaces an empty variable. Values are not searched for references, so a value may contain `${`.
 */
export function interpolate(text: string, env: Environment): Interpolated {
  const names: string[] = [];
  const filledBy: string[] = [];
  const problems: string[] = [];
  const filled = text.replace(reference, (whole: string, inside: string | undefined, end: string) => {
    if (inside === undefined) return '${';
    const match = wellFormed.exec(inside);
    if (match === null || end === '') {
      problems.push(`expected \${NAME} or \${NAME:-default} (a literal "\${" is written "$\${")`);
      return whole;
    }
    const [, name = '', fallback] = match;
    // The first brace ends the reference. The rest of a nested one would be a constant text, and as a key easy to guess.
    if (fallback?.includes('${') === true) {
      problems.push(
        `references do not nest: expected a plain text behind \${${name}:-, got another reference; set the variable ${name} itself`,
      );
      return whole;
    }
    names.push(name);
    const value = Object.hasOwn(env, name) ? env[name] : undefined;
    if (fallback !== undefined && (value === undefined || value === '')) return fallback;
    if (value !== undefined) {
      filledBy.push(name);
      return value;
    }
    problems.push(
      `the environment variable ${name} is not set; set it, or give a default: \${${name}:-default}`,
    );
    return '';
  });
  return { text: filled, names, filledBy, problems };
}
