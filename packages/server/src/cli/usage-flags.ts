import type { Failure } from '../domain/failure.ts';
import { didYouMean } from '../domain/nearest.ts';
import { readBudgetsQuery, readUsageQuery } from '../metering/usage-report/read-queries.ts';

/** What `tailrace usage` is asked for. */
export type UsageAsked =
  | { readonly type: 'help' }
  /** One line for standard error; the exit status is 2. */
  | { readonly type: 'refused'; readonly message: string }
  | {
      readonly type: 'usage' | 'budgets';
      readonly form: 'table' | 'json' | 'csv';
      /** The parameters of the API's route. */
      readonly query: string;
      readonly config?: string;
      readonly dataDir?: string;
    };

/** Flags that are parameters of the route. */
const parameters: Readonly<Record<string, string>> = {
  '--group-by': 'group_by',
  '--since': 'since',
  '--until': 'until',
  '--key-id': 'key_id',
  '--owner': 'owner',
  '--user': 'user',
  '--model': 'model',
  '--tag': 'tag',
};
const places: Readonly<Record<string, 'config' | 'dataDir'>> = {
  '--config': 'config',
  '--data-dir': 'dataDir',
};
const switches = ['--budgets', '--json', '--csv', '--help'];
const known = [...Object.keys(parameters), ...Object.keys(places), ...switches];

/** Reads the words after `usage`: `--flag value` or `--flag=value`. The parameters are checked as the route checks them. */
export function parseUsageFlags(args: readonly string[], nowMs: number): UsageAsked {
  const query = new URLSearchParams();
  const given: { config?: string; dataDir?: string } = {};
  const on = new Set<string>();
  const words = args.values();
  for (const word of words) {
    const sign = word.startsWith('--') ? word.indexOf('=') : -1;
    const name = sign === -1 ? word : word.slice(0, sign);
    if (word === '-h') on.add('--help');
    else if (switches.includes(name)) {
      if (sign !== -1) return refused(`${name} takes no value`);
      on.add(name);
    } else if (Object.hasOwn(parameters, name) || Object.hasOwn(places, name)) {
      const value = sign === -1 ? words.next().value : word.slice(sign + 1);
      if (value === undefined || value === '' || (sign === -1 && value.startsWith('--')))
        return refused(`${name} needs a value`);
      const place = places[name];
      if (place === undefined) query.append(parameters[name] ?? '', value);
      else given[place] = value;
    } else {
      return refused(`unknown ${JSON.stringify(word)}${didYouMean(name, known)}; see tailrace usage --help`);
    }
  }
  if (on.has('--help')) return { type: 'help' };
  if (on.has('--json') && on.has('--csv')) return refused('--json and --csv exclude each other');
  const form = on.has('--json') ? 'json' : on.has('--csv') ? 'csv' : 'table';
  const type = on.has('--budgets') ? 'budgets' : 'usage';
  const text = query.toString();
  const read = type === 'usage' ? readUsageQuery(text, nowMs) : readBudgetsQuery(text);
  if (!read.ok) return refused(inFlags(read.failure, type));
  return { type, form, query: text, ...given };
}

/** The failure of a parameter, in words of the command line. */
function inFlags({ code, param, message }: Failure, type: 'usage' | 'budgets'): string {
  const flag = Object.entries(parameters).find(([, name]) => name === param)?.[0] ?? '';
  if (code === 'unsupported_parameter') return `${flag} does not go with --${type}`;
  return message.replace(`The parameter "${param}"`, flag).replace(/\.$/, '');
}

function refused(message: string): UsageAsked {
  return { type: 'refused', message };
}
