import type { JsonObject } from '../domain/json.ts';
import {
  type Administer,
  administer,
  complain,
  Refused,
  terminalWidth,
  writeJson,
  writeList,
} from './administer.ts';
import type { CommandIo } from './command-io.ts';
import { ownerPairs, ownerTable } from './key-views.ts';
import { limitFlagHelp, ownerFlags, readLimitFlags, updateFlagHelp } from './limit-flags.ts';
import { print } from './print.ts';
import { readSubcommand, type SubcommandGroup } from './subcommands.ts';
import { warnOfModels } from './warn-of-models.ts';

type Name = 'create' | 'list' | 'show' | 'update' | 'revoke' | 'delete' | 'rotate';
type Flag = (typeof ownerFlags)[number];

const ownerId = 'the id of an owner';
const ends = {
  takes: ownerId,
  detail: 'Deletes an owner. It is refused while the owner has keys that are not revoked. Its usage is kept.',
  flags: [],
  examples: ['acme'],
} as const;

const { '--name': name, '--models': models, '--budget': budget, '--metadata': metadata } = limitFlagHelp;

const group: SubcommandGroup<Name, Flag> = {
  noun: 'owners',
  about: 'Makes, lists, changes and deletes owners: the teams or customers to whom keys belong.',
  flagHelp: {
    '--name': name,
    '--models': models,
    '--requests-per-minute': limitFlagHelp['--requests-per-minute'],
    '--tokens-per-minute': limitFlagHelp['--tokens-per-minute'],
    '--max-streams': limitFlagHelp['--max-streams'],
    '--budget': budget,
    '--metadata': metadata,
  },
  commands: {
    create: {
      takes: ownerId,
      about: 'make an owner',
      detail:
        'Makes an owner: a team or a customer. Its limits and its budget are for all its keys together.',
      flags: ownerFlags,
      examples: ['acme --budget 200usd/month', "acme --name 'Acme Inc' --max-streams 20"],
    },
    list: {
      about: 'list owners, with the number of their keys',
      detail: 'Lists owners. KEYS counts those that are not revoked.',
      flags: [],
      examples: [''],
    },
    show: {
      takes: ownerId,
      about: 'show one owner',
      detail: 'Shows one owner with all its fields.',
      flags: [],
      examples: ['acme'],
    },
    update: {
      takes: ownerId,
      about: 'change an owner',
      detail: 'Changes what the flags name. The value none removes what was set.',
      flags: ownerFlags,
      flagHelp: { '--models': updateFlagHelp['--models'] },
      needsFlag: true,
      examples: ['acme --budget 500usd/month --max-streams none'],
    },
    revoke: { ...ends, about: 'delete an owner whose keys are all revoked' },
    delete: { ...ends, about: 'the same as revoke' },
    rotate: {
      takes: ownerId,
      about: 'not for owners: they have no secret; use tailrace keys rotate',
      detail: 'An owner has no secret. Give each of its keys a new one with tailrace keys rotate.',
      flags: [],
      examples: ['acme'],
    },
  },
};

/** `tailrace owners …`. Resolves to the exit status: 0 done, 1 refused or no access to the store, 2 wrong usage or no store. */
export async function ownersCommand(args: readonly string[], io: CommandIo): Promise<number> {
  const asked = readSubcommand(group, args);
  if (asked.type === 'refused') return complain(io, asked.message, 2);
  if (asked.type === 'help') {
    await print(io, asked.text);
    return 0;
  }
  const { command, id, values, json, place } = asked;
  if (command === 'rotate') return complain(io, withoutSecret(id), 2);
  const fields = readLimitFlags(values, Date.now());
  if (!fields.ok) return complain(io, fields.message, 2);

  const one = `/admin/v1/owners/${encodeURIComponent(id)}`;
  const show = (owner: JsonObject) => (json ? writeJson(io, owner) : print(io, ownerPairs(owner)));
  const end: Administer = async (admin) => {
    const deleted = await admin.call('DELETE', one);
    if (json) await writeJson(io, deleted);
    else await print(io, `deleted ${id}\n`);
  };
  const work: Readonly<Record<Exclude<Name, 'rotate'>, Administer>> = {
    create: async (admin) => {
      // A PUT would replace the limits of one that is there.
      if ((await admin.find(one)) !== undefined)
        throw new Refused(
          `there is an owner ${JSON.stringify(id)} already; change it with tailrace owners update`,
          1,
        );
      await show(await admin.call('PUT', one, fields.fields));
      if (!json) io.stderr.write(`tailrace: made owner ${id} ${admin.where}\n`);
      await warnOfModels(admin, io, fields.fields);
    },
    list: async (admin) => {
      const owners = await admin.all('/admin/v1/owners?');
      if (json) await writeList(io, owners);
      else await print(io, ownerTable(owners, await admin.all('/admin/v1/keys?'), terminalWidth(io)));
    },
    show: async (admin) => show(await admin.call('GET', one)),
    update: async (admin) => {
      await show(await admin.call('PATCH', one, fields.fields));
      await warnOfModels(admin, io, fields.fields);
    },
    revoke: end,
    delete: end,
  };
  const missing = `there is no owner ${JSON.stringify(id)}; tailrace owners list shows those there are`;
  return administer({ ...place, creates: command === 'create' }, io, work[command], { missing });
}

function withoutSecret(id: string): string {
  return `an owner has no secret to rotate; tailrace keys list --owner ${id} shows its keys, and tailrace keys rotate gives one of them a new secret`;
}
