import type { JsonObject } from '../domain/json.ts';
import {
  type Administer,
  type Administration,
  administer,
  complain,
  Refused,
  sayEmpty,
  terminalWidth,
  writeJson,
  writeList,
} from './administer.ts';
import type { CommandIo } from './command-io.ts';
import { timeWords } from './field-words.ts';
import { keyPairs, keyTable } from './key-views.ts';
import {
  keyFlags,
  limitFlagHelp,
  overlapFlagProblem,
  readLimitFlags,
  updateFlagHelp,
} from './limit-flags.ts';
import { OutputFailed, print } from './print.ts';
import { readSubcommand, type SubcommandGroup } from './subcommands.ts';
import { warnOfModels } from './warn-of-models.ts';

type Name = 'create' | 'list' | 'show' | 'update' | 'rotate' | 'revoke' | 'rotate-signing';
type Flag = (typeof keyFlags)[number] | '--overlap' | '--all';

const keyId = 'the id of a key';
const exampleId = 'key_5f2c8e1a90b4d376';

const group: SubcommandGroup<Name, Flag> = {
  noun: 'keys',
  about: 'Makes, lists, changes and ends the keys of clients.',
  flagHelp: {
    ...limitFlagHelp,
    '--overlap': { value: 'TIME', about: 'how long the old secret works beside the new one, at most 90d' },
    '--all': { about: 'also revoked keys' },
  },
  commands: {
    create: {
      about: 'make a key',
      detail: 'Makes a key. Standard output has the key and nothing else. It is shown only now.',
      flags: keyFlags,
      examples: [
        '--owner acme --name ci --expires 90d',
        "--models 'acme/*,chat' --requests-per-minute 60 --budget 20usd/month",
      ],
    },
    list: {
      about: 'list keys',
      detail: 'Lists the keys that are not revoked, fixed ones first. Times are in UTC.',
      flags: ['--owner', '--all'],
      flagHelp: { '--owner': { value: 'ID', about: 'only the keys of this owner' } },
      examples: ['', '--owner acme --all'],
    },
    show: {
      takes: keyId,
      about: 'show one key',
      detail: 'Shows one key with all its fields, but never its secret.',
      flags: [],
      examples: [exampleId],
    },
    update: {
      takes: keyId,
      about: 'change a key',
      detail: 'Changes what the flags name. The value none removes what was set.',
      flags: keyFlags,
      flagHelp: {
        ...updateFlagHelp,
        '--owner': { value: 'ID', about: 'who pays from now on; one that does not exist is made' },
      },
      needsFlag: true,
      examples: [`${exampleId} --max-streams 5 --budget none`],
    },
    rotate: {
      takes: keyId,
      about: 'give a key a new secret',
      detail:
        'Gives a key a new secret, and prints it like create. The old one ends at once, or after --overlap. All else stays.',
      flags: ['--overlap'],
      examples: [`${exampleId} --overlap 1h`],
    },
    revoke: {
      takes: keyId,
      about: 'end a key for good',
      detail: 'Ends a key for good. It stays in the list of --all, and its usage is kept.',
      flags: [],
      examples: [exampleId],
    },
    'rotate-signing': {
      about: 'replace the secret that signs addresses of streams and sessions of browsers',
      detail:
        'Replaces the secret that signs addresses of streams and sessions of browsers, on every replica within 2 s. All that were signed before end. Keys stay as they are.',
      flags: [],
      examples: [''],
    },
  },
};

/** `tailrace keys …`. Resolves to the exit status: 0 done, 1 refused or no access to the store, 2 wrong usage or no store. */
export async function keysCommand(args: readonly string[], io: CommandIo): Promise<number> {
  const asked = readSubcommand(group, args);
  if (asked.type === 'refused') return complain(io, asked.message, 2);
  if (asked.type === 'help') {
    await print(io, asked.text);
    return 0;
  }
  const { command, id, values, on, json, place } = asked;
  const fields = readLimitFlags(values, Date.now());
  if (!fields.ok) return complain(io, fields.message, 2);
  const { '--overlap': overlap } = values;
  const wrongOverlap = overlap === undefined ? undefined : overlapFlagProblem(overlap);
  if (wrongOverlap !== undefined) return complain(io, wrongOverlap, 2);

  const keys = '/admin/v1/keys';
  const one = `${keys}/${encodeURIComponent(id)}`;
  const show = (key: JsonObject) => (json ? writeJson(io, key) : print(io, keyPairs(key, Date.now())));
  const work: Readonly<Record<Name, Administer>> = {
    create: async (admin) => {
      const made = await admin.call('POST', keys, fields.fields);
      const what = `made ${String(made['id'])} of owner ${String(made['owner'])} ${admin.where}`;
      await issued(io, made, json, what, async () => {
        const id = String(made['id']);
        try {
          await admin.call('DELETE', `${keys}/${id}`);
        } catch (error) {
          if (!(error instanceof Refused)) throw error;
          return `the secret of the new ${id} was not shown; end it with tailrace keys revoke ${id}`;
        }
        return `the secret of the new ${id} was not shown, so the key is revoked again`;
      });
      await warnOfModels(admin, io, fields.fields);
    },
    list: (admin) => list(admin, io, { owner: values['--owner'], all: on.has('--all'), json }),
    show: async (admin) => show(await admin.call('GET', one)),
    update: async (admin) => {
      await show(await admin.call('PATCH', one, fields.fields));
      await warnOfModels(admin, io, fields.fields);
    },
    rotate: async (admin) => {
      const rotated = await admin.call('POST', `${one}/rotate`, overlap === undefined ? {} : { overlap });
      const until = timeWords(rotated['overlap_until']);
      const old = until === '' ? 'the old secret has ended' : `the old secret works until ${until}`;
      await issued(
        io,
        rotated,
        json,
        `rotated ${id}; ${old}`,
        async () => `the new secret of ${id} was not shown, and ${old}; rotate the key again`,
      );
    },
    revoke: async (admin) => {
      const revoked = await admin.call('DELETE', one);
      if (json) await writeJson(io, revoked);
      else await print(io, `revoked ${String(revoked['id'])}\n`);
    },
    'rotate-signing': async (admin) => {
      const rotated = await admin.call('POST', `${keys}/rotate-signing`);
      if (json) await writeJson(io, rotated);
      else
        await print(
          io,
          `replaced the signing secret ${admin.where}; addresses of streams and sessions that were signed before have ended\n`,
        );
    },
  };
  const missing = `there is no key ${JSON.stringify(id)}; tailrace keys list --all shows those there are`;
  return administer(
    { ...place, creates: command === 'create' },
    io,
    work[command],
    id === '' ? {} : { missing },
  );
}

async function list(
  admin: Administration,
  io: CommandIo,
  asked: { readonly owner: string | undefined; readonly all: boolean; readonly json: boolean },
): Promise<void> {
  const filter = asked.owner === undefined ? '?' : `?owner=${encodeURIComponent(asked.owner)}`;
  const keys = await admin.all(`/admin/v1/keys${filter}`);
  const listed = asked.all ? keys : keys.filter(({ revoked_at: revokedAt }) => revokedAt === null);
  if (asked.json) await writeList(io, listed);
  else if (listed.length > 0) await print(io, keyTable(listed, Date.now(), terminalWidth(io)));
  else {
    const revoked = keys.length > 0 ? `; ${keys.length} revoked: add --all` : '';
    sayEmpty(io, `no keys${asked.owner === undefined ? '' : ` of owner ${asked.owner}`}${revoked}`);
  }
}

/**
 * Only the key on standard output, so that a script can take it; what a reader wants to know goes beside it. `lost` answers for a
 * secret that standard output has not taken, with what became of its key.
 */
async function issued(
  io: CommandIo,
  answer: JsonObject,
  json: boolean,
  note: string,
  lost: () => Promise<string>,
): Promise<void> {
  try {
    if (json) await writeJson(io, answer);
    else await print(io, `${String(answer['key'])}\n`);
  } catch (error) {
    if (error instanceof OutputFailed) throw new Refused(`${error.message}; ${await lost()}`, 1);
    throw error;
  }
  if (!json) io.stderr.write(`tailrace: ${note}. The key is shown only now\n`);
}
