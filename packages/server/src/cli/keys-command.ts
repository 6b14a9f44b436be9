import type { JsonObject } from '../domain/json.ts';
import { didYouMean } from '../domain/nearest.ts';
import { type Administer, administer, complain, inWords, show } from './administer.ts';
import type { CommandIo } from './command-io.ts';
import { keyFlags, keyFlagsHelp, readLimitFlags } from './limit-flags.ts';
import { readWords } from './read-words.ts';
import { textTable } from './text-table.ts';

const help = `Usage: tailrace keys COMMAND [FLAGS]

  create          make a key; standard output has the key and nothing else, and it is shown only now
  list            list keys (--owner ID; --all: also revoked ones)
  show ID         show one key
  update ID       change a key; a flag with the value none removes what was set
  rotate ID       give a key a new secret (--overlap 1h: the old one works so long; default: it ends at once)
  revoke ID       end a key for good

Flags of create and update:
${keyFlagsHelp}
  --json            print JSON
  --config FILE     the configuration (default: TAILRACE_CONFIG, else ./tailrace.yaml where present)
  --data-dir DIR    the data folder of the server

The server that runs is asked; where none runs, its store is opened.
`;

const commands = ['create', 'list', 'show', 'update', 'rotate', 'revoke'] as const;

/** `tailrace keys …`. Resolves to the exit status: 0 done, 1 refused or no store, 2 wrong usage. */
export async function keysCommand(args: readonly string[], io: CommandIo): Promise<number> {
  const read = readWords(args, {
    values: [...keyFlags, '--overlap', '--config', '--data-dir'],
    switches: ['--json', '--all', '--help'],
  });
  if (!read.ok) return complain(io, `${read.message}; see tailrace keys --help`, 2);
  const { words, values, on } = read;
  const [name, id, ...rest] = words;
  if (on.has('--help') || name === 'help') {
    io.stdout.write(help);
    return 0;
  }
  const command = commands.find((one) => one === name);
  if (command === undefined) {
    const what = name === undefined ? 'keys needs a command' : `there is no 'keys ${name}'`;
    const hint = name === undefined ? '' : didYouMean(name, commands);
    return complain(io, `${what}${hint}; expected one of ${commands.join(', ')}`, 2);
  }
  const takesId = command !== 'create' && command !== 'list';
  if (takesId && id === undefined) return complain(io, `keys ${command} needs the id of a key`, 2);
  const extra = takesId ? rest[0] : id;
  if (extra !== undefined) return complain(io, `unexpected ${JSON.stringify(extra)}`, 2);
  const fields = readLimitFlags(values, Date.now());
  if (!fields.ok) return complain(io, fields.message, 2);
  const misplaced = misplacedFlag(command, Object.keys(values), on.has('--all'));
  if (misplaced !== undefined) return complain(io, `${misplaced} does not go with keys ${command}`, 2);
  if (command === 'update' && Object.keys(fields.fields).length === 0)
    return complain(io, 'keys update needs a flag with what to change; see tailrace keys --help', 2);

  const json = on.has('--json');
  const path = `/admin/v1/keys${id === undefined ? '' : `/${encodeURIComponent(id)}`}`;
  const work: Readonly<Record<(typeof commands)[number], Administer>> = {
    create: async (admin) => {
      const made = await admin.call('POST', path, fields.fields);
      issued(
        io,
        made,
        json,
        `made ${String(made['id'])} of owner ${String(made['owner'])} in ${admin.where}`,
      );
    },
    list: async (admin) => {
      const { '--owner': owner } = values;
      const filter = owner === undefined ? '?' : `?owner=${encodeURIComponent(owner)}`;
      const keys = await admin.all(`${path}${filter}`);
      const listed = on.has('--all') ? keys : keys.filter(({ revoked_at }) => revoked_at === null);
      io.stdout.write(json ? `${JSON.stringify(listed, null, 2)}\n` : keyTable(listed));
    },
    show: async (admin) => show(io, await admin.call('GET', path), json),
    update: async (admin) => show(io, await admin.call('PATCH', path, fields.fields), json),
    rotate: async (admin) => {
      const { '--overlap': overlap } = values;
      const rotated = await admin.call('POST', `${path}/rotate`, overlap === undefined ? {} : { overlap });
      const until = inWords(rotated['overlap_until']);
      const old = until === '' ? 'the old secret has ended' : `the old secret works until ${until}`;
      issued(io, rotated, json, `rotated ${String(rotated['id'])}; ${old}`);
    },
    revoke: async (admin) => {
      const revoked = await admin.call('DELETE', path);
      if (json) show(io, revoked, json);
      else io.stdout.write(`revoked ${String(revoked['id'])}\n`);
    },
  };
  const place = { config: values['--config'], dataDir: values['--data-dir'], creates: command === 'create' };
  return administer(place, io, work[command]);
}

/** A flag that the command would ignore. */
function misplacedFlag(
  command: (typeof commands)[number],
  flags: readonly string[],
  all: boolean,
): string | undefined {
  if (all && command !== 'list') return '--all';
  const own: readonly string[] =
    command === 'create' || command === 'update'
      ? keyFlags
      : command === 'list'
        ? ['--owner']
        : command === 'rotate'
          ? ['--overlap']
          : [];
  return flags.find((flag) => !own.includes(flag) && flag !== '--config' && flag !== '--data-dir');
}

/** Only the key on standard output, so that a script can take it; what a reader wants to know goes beside it. */
function issued(io: CommandIo, answer: JsonObject, json: boolean, note: string): void {
  if (json) {
    show(io, answer, json);
    return;
  }
  io.stdout.write(`${String(answer['key'])}\n`);
  io.stderr.write(`tailrace: ${note}. The key is shown only now\n`);
}

function keyTable(keys: readonly JsonObject[]): string {
  return textTable(
    ['ID', 'KEY', 'OWNER', 'NAME', 'STATE', 'BUDGET', 'LAST USED'],
    keys.map((key) => [
      ...['id', 'prefix', 'owner', 'name'].map((name) => inWords(key[name])),
      stateOf(key, Date.now()),
      inWords(key['budget']),
      inWords(key['last_used_at']).replace(/\.\d{3}Z$/, 'Z'),
    ]),
  );
}

function stateOf(
  { fixed, admin, revoked_at: revoked, expires_at: expires }: JsonObject,
  nowMs: number,
): string {
  if (fixed === true) return admin === true ? 'fixed, admin' : 'fixed';
  if (typeof revoked === 'string') return 'revoked';
  if (typeof expires !== 'string') return 'active';
  return Date.parse(expires) <= nowMs ? 'expired' : `until ${expires.slice(0, 10)}`;
}
