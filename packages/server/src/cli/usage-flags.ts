import type { Failure } from '../domain/failure.ts';
import { readBudgetsQuery, readUsageQuery } from '../metering/usage-report/read-queries.ts';
import { groupName } from '../metering/usage-report/usage-rows.ts';
import { readWords } from './read-words.ts';

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
      /** The columns of the groups. */
      readonly groupNames: readonly string[];
      readonly place: { readonly config: string | undefined; readonly dataDir: string | undefined };
    };

/** Flags that are parameters of the route. */
const parameters = {
  '--group-by': 'group_by',
  '--since': 'since',
  '--until': 'until',
  '--key-id': 'key_id',
  '--owner': 'owner',
  '--user': 'user',
  '--model': 'model',
  '--tag': 'tag',
} as const;

const parameterFlags = Object.keys(parameters) as (keyof typeof parameters)[];

/** Reads the words after `usage`. The parameters are checked as the route checks them. */
export function parseUsageFlags(args: readonly string[], nowMs: number): UsageAsked {
  const read = readWords(args, {
    values: [...parameterFlags, '--config', '--data-dir'],
    switches: ['--budgets', '--json', '--csv', '--help'],
  });
  if (!read.ok) return refused(`${read.message}; see tailrace usage --help`);
  const { words, values, on } = read;
  if (on.has('--help') || words[0] === 'help') return { type: 'help' };
  if (words[0] !== undefined)
    return refused(`unexpected ${JSON.stringify(words[0])}; see tailrace usage --help`);
  if (on.has('--json') && on.has('--csv')) return refused('--json and --csv exclude each other');
  const query = new URLSearchParams();
  for (const flag of parameterFlags) {
    const { [flag]: value } = values;
    if (value !== undefined) query.set(parameters[flag], value);
  }
  const form = on.has('--json') ? 'json' : on.has('--csv') ? 'csv' : 'table';
  const place = { config: values['--config'], dataDir: values['--data-dir'] };
  const asked = { form, query: query.toString(), place } as const;
  if (on.has('--budgets')) {
    const budgets = readBudgetsQuery(asked.query);
    return budgets.ok
      ? { type: 'budgets', ...asked, groupNames: [] }
      : refused(inFlags(budgets.failure, 'budgets'));
  }
  const usage = readUsageQuery(asked.query, nowMs);
  return usage.ok
    ? { type: 'usage', ...asked, groupNames: usage.value.usage.groupBy.map(groupName) }
    : refused(inFlags(usage.failure, 'usage'));
}

/** The failure of a parameter, in words of the command line. */
function inFlags({ code, param, message }: Failure, type: 'usage' | 'budgets'): string {
  const flag = parameterFlags.find((one) => parameters[one] === param) ?? '';
  if (code === 'unsupported_parameter') return `${flag} does not go with --${type}`;
  return message.replace(`The parameter "${param}"`, flag).replace('"since"', '--since').replace(/\.$/, '');
}

function refused(message: string): UsageAsked {
  return { type: 'refused', message };
}
