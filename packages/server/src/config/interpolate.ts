/** Environment as it was handed in: nothing here reads the process. */
export type Environment = Readonly<Record<string, string | undefined>>;

export interface Interpolated {
  readonly text: string;
  /** Every variable that was named, for messages about the value. */
  readonly names: readonly string[];
  /** Those of them whose value stands in the text: in the place of the others there is their default. */
  readonly filledBy: readonly string[];
  /** One sentence per reference that could not be filled in. */
  readonly problems: readonly string[];
}

const reference = /\$\$\{|\$\{([^}]*)(\}?)/g;
const wellFormed = /^([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?$/s;

/**
 * Fills in `${NAME}` and `${NAME:-default}`; `$${` stands for a literal `${`. As in a shell, the default
 * also takes the place of an empty variable. What was filled in is not looked at again, so a variable's
 * own dollar signs are safe.
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
    // The first brace ends the reference: what it leaves of the inner one would be a text that anybody can guess.
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
