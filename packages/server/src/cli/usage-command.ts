import { isObject, type JsonObject } from '../domain/json.ts';
import { type Cell, csv } from '../metering/usage-report/csv.ts';
import { sumNames } from '../metering/usage-report/usage-rows.ts';
import {
  type Administration,
  administer,
  complain,
  sayEmpty,
  terminalWidth,
  writeList,
} from './administer.ts';
import type { CommandIo } from './command-io.ts';
import { type FlagHelp, flagLines, placeFlagHelp, whereAsked } from './flag-help.ts';
import { print } from './print.ts';
import { parseUsageFlags } from './usage-flags.ts';
import { budgetNames, budgetTable, usageTable } from './usage-tables.ts';

const flags: Readonly<Record<string, FlagHelp>> = {
  '--group-by': {
    value: 'LIST',
    about: 'some of key, owner, user, model, target, day, hour, tag:NAME, with commas between them',
  },
  '--since': {
    value: 'TIME',
    about: 'a date (2026-11-28), a time (2026-11-28T09:00:00Z), or a duration before now (7d)',
  },
  '--until': { value: 'TIME', about: 'the same; that moment itself is not counted' },
  '--key-id': { value: 'ID', about: 'only what this key has used' },
  '--owner': { value: 'ID', about: 'only what the keys of this owner have used' },
  '--user': { value: 'NAME', about: 'only requests with this user' },
  '--model': { value: 'ID', about: 'only requests for this model' },
  '--tag': { value: 'NAME=VALUE', about: 'only requests with this tag' },
  '--budgets': {
    about: 'instead, each budget: its limit, spent, reserved and left (with --owner: of that owner)',
  },
  '--json': { about: 'JSON instead of a table' },
  '--csv': { about: 'CSV instead of a table' },
  ...placeFlagHelp,
};

const help = `Usage: tailrace usage [FLAGS]

Sums of what was used: requests, tokens, and the cost in US dollars. Days and hours are those of UTC.

${flagLines(flags)}
Examples:
  tailrace usage --group-by owner,day --since 7d
  tailrace usage --since 2026-11-01 --until 2026-12-01 --csv
  tailrace usage --budgets

${whereAsked}
`;

/** `tailrace usage`. Resolves to the exit status: 0 printed, 1 refused or no access to the store, 2 wrong usage or no store. */
export async function usageCommand(args: readonly string[], io: CommandIo): Promise<number> {
  const asked = parseUsageFlags(args, Date.now());
  if (asked.type === 'refused') return complain(io, asked.message, 2);
  if (asked.type === 'help') {
    await print(io, help);
    return 0;
  }
  const { type, form, query, groupNames, place } = asked;
  return administer(place, io, async (admin) => {
    const rows = type === 'usage' ? await usage(admin, query) : await admin.all(`/admin/v1/budgets?${query}`);
    const names = type === 'usage' ? [...groupNames, ...sumNames] : budgetNames;
    if (form === 'json') await writeList(io, rows);
    else if (form === 'csv') {
      const lines = rows.map((row) => cells(names, row));
      await print(io, csv(names, lines));
    } else if (type === 'budgets') {
      if (rows.length === 0)
        sayEmpty(io, 'no budgets; tailrace keys update ID --budget 20usd/month sets one');
      else await print(io, budgetTable(rows, terminalWidth(io)));
    } else if (rows.length === 0) sayEmpty(io, 'no records match');
    else await print(io, usageTable(groupNames, await withKeyNames(admin, rows), terminalWidth(io)));
  });
}

/** An id of a key says nothing to a person: its name stands behind it. */
async function withKeyNames(admin: Administration, rows: readonly JsonObject[]): Promise<JsonObject[]> {
  if (!rows.some(({ key_id: id }) => typeof id === 'string')) return [...rows];
  const names = new Map((await admin.all('/admin/v1/keys?')).map(({ id, name }) => [id, name]));
  return rows.map((row) => {
    const name = names.get(row['key_id'] ?? null);
    return typeof name === 'string' ? { ...row, key_id: `${String(row['key_id'])} (${name})` } : row;
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
