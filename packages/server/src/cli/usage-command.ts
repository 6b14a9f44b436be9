import { isObject, type JsonObject } from '../domain/json.ts';
import { type Cell, csv } from '../metering/usage-report/csv.ts';
import { sumNames } from '../metering/usage-report/usage-rows.ts';
import { type Administration, administer, complain } from './administer.ts';
import type { CommandIo } from './command-io.ts';
import { parseUsageFlags } from './usage-flags.ts';
import { budgetNames, budgetTable, usageTable } from './usage-tables.ts';

const help = `Usage: tailrace usage [FLAGS]

  Sums of what was used: requests, tokens, cost.
  --group-by LIST   some of key, owner, user, model, target, day, hour, tag:NAME, with commas between them
  --since TIME      a date (2026-11-28), a time (RFC 3339), or a duration before now (7d, 24h)
  --until TIME      the same; records of that time are not counted any more
  --key-id, --owner, --user, --model VALUE, --tag NAME=VALUE
                    only records with this value

  --budgets         instead, each budget: its limit, spent, reserved and left (--owner ID)

  --json            JSON instead of a table
  --csv             CSV instead of a table
  --config FILE     the configuration (default: TAILRACE_CONFIG, else ./tailrace.yaml where present)
  --data-dir DIR    the data folder of the server

The server that runs is asked; where none runs, its store is opened. Days and hours are those of UTC.
`;

/** `tailrace usage`. Resolves to the exit status: 0 printed, 1 refused or no store, 2 wrong usage. */
export async function usageCommand(args: readonly string[], io: CommandIo): Promise<number> {
  const asked = parseUsageFlags(args, Date.now());
  if (asked.type === 'refused') return complain(io, asked.message, 2);
  if (asked.type === 'help') {
    io.stdout.write(help);
    return 0;
  }
  const { type, form, query, groupNames, place } = asked;
  return administer(place, io, async (admin) => {
    const rows = type === 'usage' ? await usage(admin, query) : await admin.all(`/admin/v1/budgets?${query}`);
    const names = type === 'usage' ? [...groupNames, ...sumNames] : budgetNames;
    if (form === 'json') io.stdout.write(`${JSON.stringify({ data: rows, has_more: false }, null, 2)}\n`);
    else if (form === 'csv')
      io.stdout.write(
        csv(
          names,
          rows.map((row) => cells(names, row)),
        ),
      );
    else io.stdout.write(type === 'usage' ? usageTable(groupNames, rows) : budgetTable(rows));
  });
}

async function usage(admin: Administration, query: string): Promise<JsonObject[]> {
  const { data } = await admin.call('GET', `/admin/v1/usage?${query}`);
  return Array.isArray(data) ? data.filter(isObject) : [];
}

/** No value of these rows is an object or a list. */
function cells(names: readonly string[], row: JsonObject): Readonly<Record<string, Cell>> {
  return Object.fromEntries(
    names.map((name) => {
      const value = row[name] ?? null;
      return [name, typeof value === 'object' ? null : value];
    }),
  );
}
