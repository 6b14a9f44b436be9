import type { JsonObject } from '../domain/json.ts';
import { didYouMean } from '../domain/nearest.ts';
import { type Administer, administer, complain, inWords, Refused, show } from './administer.ts';
import type { CommandIo } from './command-io.ts';
import { ownerFlags, ownerFlagsHelp, readLimitFlags } from './limit-flags.ts';
import { readWords } from './read-words.ts';
import { textTable } from './text-table.ts';

const help = `Usage: tailrace owners COMMAND [FLAGS]

  create ID       make an owner: a team or a customer, to whom keys belong
  list            list owners
  show ID         show one owner
  update ID       change an owner; a flag with the value none removes what was set
  delete ID       delete an owner whose keys are all revoked

Flags of create and update:
${ownerFlagsHelp}
  --json            print JSON
  --config FILE     the configuration (default: TAILRACE_CONFIG, else ./tailrace.yaml where present)
  --data-dir DIR    the data folder of the server

The server that runs is asked; where none runs, its store is opened.
`;

const commands = ['create', 'list', 'show', 'update', 'delete'] as const;

/** `tailrace owners …`. Resolves to the exit status: 0 done, 1 refused or no store, 2 wrong usage. */
export async function ownersCommand(args: readonly string[], io: CommandIo): Promise<number> {
  const read = readWords(args, {
    values: [...ownerFlags, '--config', '--data-dir'],
    switches: ['--json', '--help'],
  });
  if (!read.ok) return complain(io, `${read.message}; see tailrace owners --help`, 2);
  const { words, values, on } = read;
  const [name, id, ...rest] = words;
  if (on.has('--help') || name === 'help') {
    io.stdout.write(help);
    return 0;
  }
  const command = commands.find((one) => one === name);
  if (command === undefined) {
    const what = name === undefined ? 'owners needs a command' : `there is no 'owners ${name}'`;
    const hint = name === undefined ? '' : didYouMean(name, commands);
    return complain(io, `${what}${hint}; expected one of ${commands.join(', ')}`, 2);
  }
  if (command !== 'list' && id === undefined) {
    return complain(io, `owners ${command} needs the id of an owner`, 2);
  }
  const extra = command === 'list' ? id : rest[0];
  if (extra !== undefined) return complain(io, `unexpected ${JSON.stringify(extra)}`, 2);
  const fields = readLimitFlags(values, Date.now());
  if (!fields.ok) return complain(io, fields.message, 2);
  const changes = Object.keys(fields.fields).length > 0;
  if (command === 'update' && !changes)
    return complain(io, 'owners update needs a flag with what to change; see tailrace owners --help', 2);
  if (changes && command !== 'update' && command !== 'create')
    return complain(io, `owners ${command} takes no limits`, 2);

  const json = on.has('--json');
  const path = `/admin/v1/owners${id === undefined ? '' : `/${encodeURIComponent(id)}`}`;
  const work: Readonly<Record<(typeof commands)[number], Administer>> = {
    create: async (admin) => {
      // A PUT would replace the limits of one that is there.
      if ((await admin.find(path)) !== undefined)
        throw new Refused(`there is an owner ${id} already; change it with tailrace owners update`, 1);
      show(io, await admin.call('PUT', path, fields.fields), json);
    },
    list: async (admin) => {
      const owners = await admin.all(`${path}?`);
      io.stdout.write(json ? `${JSON.stringify(owners, null, 2)}\n` : ownerTable(owners));
    },
    show: async (admin) => show(io, await admin.call('GET', path), json),
    update: async (admin) => show(io, await admin.call('PATCH', path, fields.fields), json),
    delete: async (admin) => {
      const deleted = await admin.call('DELETE', path);
      if (json) show(io, deleted, json);
      else io.stdout.write(`deleted ${id}\n`);
    },
  };
  const place = { config: values['--config'], dataDir: values['--data-dir'], creates: command === 'create' };
  return administer(place, io, work[command]);
}

function ownerTable(owners: readonly JsonObject[]): string {
  const fields = ['id', 'name', 'requests_per_minute', 'tokens_per_minute', 'max_streams', 'budget'];
  return textTable(
    ['ID', 'NAME', 'REQUESTS/MIN', 'TOKENS/MIN', 'STREAMS', 'BUDGET'],
    owners.map((owner) => fields.map((field) => inWords(owner[field]))),
  );
}
