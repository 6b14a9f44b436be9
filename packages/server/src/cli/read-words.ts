import { flagHint } from './flag-hint.ts';

/** The words behind a command, sorted. */
export type ReadWords<Value extends string, Switch extends string> =
  | {
      readonly ok: true;
      /** Words without dashes, and `-`, in their order. */
      readonly words: readonly string[];
      readonly values: { readonly [Flag in Value]?: string };
      /** Every value of a repeated flag, in their order. */
      readonly all: { readonly [Flag in Value]?: readonly string[] };
      readonly on: ReadonlySet<Switch>;
    }
  /** One line for standard error; the exit status is 2. */
  | { readonly ok: false; readonly message: string };

/** Reads `--flag value`, `--flag=value` and switches; of a repeated flag the last value counts, or all of them. `-h` is `--help`. */
export function readWords<const Value extends string, const Switch extends string>(
  args: readonly string[],
  known: { readonly values: readonly Value[]; readonly switches: readonly Switch[] },
): ReadWords<Value, Switch> {
  const isValue = (name: string): name is Value => (known.values as readonly string[]).includes(name);
  const isSwitch = (name: string): name is Switch => (known.switches as readonly string[]).includes(name);
  const words: string[] = [];
  const values: { [Flag in Value]?: string } = {};
  const all: { [Flag in Value]?: string[] } = {};
  const on = new Set<Switch>();
  const rest = args.values();
  for (const arg of rest) {
    const word = arg === '-h' ? '--help' : arg;
    const sign = word.startsWith('--') ? word.indexOf('=') : -1;
    const name = sign < 0 ? word : word.slice(0, sign);
    if (word === '-' || !word.startsWith('-')) words.push(word);
    else if (isSwitch(name)) {
      if (sign >= 0) return { ok: false, message: `${name} takes no value` };
      on.add(name);
    } else if (isValue(name)) {
      const value = sign < 0 ? rest.next().value : word.slice(sign + 1);
      if (value === undefined || value === '' || (sign < 0 && value.startsWith('--'))) {
        return { ok: false, message: `${name} needs a value` };
      }
      values[name] = value;
      all[name] = [...(all[name] ?? []), value];
    } else {
      const hint = flagHint(name, [...known.values, ...known.switches]);
      return { ok: false, message: `there is no flag ${name.slice(0, 64)} here${hint}` };
    }
  }
  return { ok: true, words, values, all, on };
}
