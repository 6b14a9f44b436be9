import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import path from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Config } from '../config/config.ts';
import { formatProblem } from '../config/config-problem.ts';
import { loadConfig } from '../config/load-config.ts';
import type { JsonObject } from '../domain/json.ts';
import { recoverRecords, somethingWaits, whenStored } from '../ledger/recover-records.ts';
import { runningServer } from '../service/find-administration.ts';
import { openStore, openStoreReader } from '../storage/open-store.ts';
import type { OpeningFailure } from '../storage/opening.ts';
import { StoreError } from '../storage/store-error.ts';
import { storeName } from '../storage/store-name.ts';
import { type Exported, ImportError } from '../storage/transfer.ts';
import { answers } from './admin-client.ts';
import { complain } from './administer.ts';
import type { CommandIo } from './command-io.ts';
import { counted } from './counted.ts';
import { ExportFileError, writeExport } from './export-file.ts';
import { fileProblem } from './file-problem.ts';
import { flagLines, placeFlagHelp } from './flag-help.ts';
import { JsonLinesError, jsonLines, parseJsonLines } from './json-lines.ts';
import { print } from './print.ts';
import { readWords } from './read-words.ts';
import { unknownCommand } from './unknown-command.ts';

const place = `The store is PostgreSQL where TAILRACE_DATABASE_URL or storage.database_url names one, else SQLite in the data folder.`;
const secrets = 'An export holds hashes of keys and what each client used: keep it as the store itself.';

/** `about`: one line for the list. `detail`: sentences for its own help. */
const commands = {
  export: {
    file: 'standard output',
    about: 'write keys, owners, records and sums as JSON Lines, also while a server runs',
    detail: `Writes keys, owners, records, sums and waiting events as JSON Lines, as of one moment, also while a server runs. - is
standard output. It replaces an older export of the same name, and no other file. Prompts and answers that are kept are left out,
unless --contents asks for them.
${secrets}`,
    examples: ['export backup.jsonl'],
  },
  import: {
    file: 'standard input',
    about: 'read an export into an empty store that no server uses',
    detail: `Reads an export into an empty store that no server uses, all of it or nothing. - is standard input. The store is made where
there is none.`,
    examples: ['import backup.jsonl', 'import - < backup.jsonl'],
  },
  migrate: {
    file: undefined,
    about: 'make the tables of the store, or bring them to those of this version',
    detail: `Makes the tables of the store, or brings them to those of this version, and says in which database. A start of the server
does the same.`,
    examples: ['migrate'],
  },
} as const;

type Name = keyof typeof commands;
const names = Object.keys(commands) as Name[];
const usageOf = (name: Name) => (commands[name].file === undefined ? name : `${name} FILE`);

const help = `Usage: tailrace db COMMAND [FLAGS]

Moves and migrates the store.
${place}

${flagLines(Object.fromEntries(names.map((name) => [usageOf(name), { about: commands[name].about }])))}
tailrace db COMMAND --help says more of one.
`;

const contentsFlag = { '--contents': { about: 'with prompts and answers, where they are kept' } };

function helpOf(name: Name): string {
  const { detail, examples } = commands[name];
  return `Usage: tailrace db ${usageOf(name)} [FLAGS]

${detail}
${place}

${flagLines({ ...(name === 'export' ? contentsFlag : {}), ...placeFlagHelp })}
${examples.length === 1 ? 'Example' : 'Examples'}:
${examples.map((words) => `  tailrace db ${words}\n`).join('')}`;
}

/** With standard input, for `import -`. */
export interface DbIo extends CommandIo {
  readonly stdin: Readable;
  /** The most that an export waits until a server that runs has stored what waits in its spool. Default: 5,000 ms. */
  readonly storingMs?: number;
}

/** `tailrace db …`. Resolves to the exit status: 0 done, 1 failed, 2 wrong usage. */
export async function dbCommand(args: readonly string[], io: DbIo): Promise<number> {
  const read = readWords(args, { values: ['--config', '--data-dir'], switches: ['--help', '--contents'] });
  if (!read.ok) return complain(io, `${read.message}; see tailrace db --help`, 2);
  const { values, on } = read;
  const [asked, file, ...rest] = read.words[0] === 'help' ? read.words.slice(1) : read.words;
  const command = names.find((one) => one === asked);
  if (on.has('--help') || read.words[0] === 'help') {
    await print(io, command === undefined ? help : helpOf(command));
    return 0;
  }
  if (command === undefined) return complain(io, unknownCommand('db', asked, names), 2);
  const { file: standard } = commands[command];
  if (standard !== undefined && file === undefined)
    return complain(io, `db ${command} needs a file, or - for ${standard}`, 2);
  const extra = standard === undefined ? file : rest[0];
  if (extra !== undefined) return complain(io, `unexpected ${JSON.stringify(extra)}`, 2);
  const contents = on.has('--contents');
  if (contents && command !== 'export') return complain(io, '--contents is a flag of db export only', 2);
  const { '--config': config, '--data-dir': dataDir } = values;
  const flags = {
    ...(config === undefined ? {} : { config }),
    ...(dataDir === undefined ? {} : { dataDir }),
  };
  const loaded = await loadConfig({ env: io.env, cwd: io.cwd, flags });
  if (!loaded.ok) return complain(io, loaded.problems.map(formatProblem).join('\n'), 2);
  try {
    if (command === 'migrate') return await migrate(loaded.config, io);
    return command === 'export'
      ? await exportTo(file ?? '-', { contents }, loaded.config, io)
      : await importFrom(file ?? '-', loaded.config, io);
  } catch (error) {
    const message = messageOf(error, file ?? '-');
    if (message === undefined) throw error;
    return complain(io, message, 1);
  }
}

async function migrate(config: Config, io: CommandIo): Promise<number> {
  const opened = await openStore(storeOptions(config));
  if (!opened.ok) return complain(io, refusalOf(opened, config, 'migrates its store when it starts'), 1);
  await opened.store.close();
  const { before, now } = opened.schema;
  const done =
    before === 0
      ? `made the tables of Tailrace (schema ${now}) in`
      : before === now
        ? `nothing to do (schema ${now}):`
        : `brought the tables from schema ${before} to ${now} in`;
  io.stderr.write(`tailrace: ${done} ${storeOf(config)}\n`);
  return 0;
}

async function exportTo(file: string, what: Exported, config: Config, io: DbIo): Promise<number> {
  const { dataDir } = config.server;
  const another = await storeOfServer(config);
  if (another !== undefined) return complain(io, another, 2);
  // First: nothing is stored where the tables are of another version.
  const opened = await openStoreReader(storeOptions(config));
  // A folder without a store is most often a mistyped one.
  if (!opened.ok) return complain(io, opened.message, opened.reason === 'missing' ? 2 : 1);
  const counts = new Map<string, number>();
  let waiting: number;
  let replaced = false;
  try {
    const refused = await storeWaiting(config, io);
    if (refused !== undefined) return complain(io, refused, 1);
    waiting = await whenStored(dataDir, io.storingMs ?? usualStoringMs);
    const pieces = jsonLines(counting(opened.reader.exportRows(what), counts));
    if (file === '-') await pipeline(Readable.from(pieces), io.stdout, { end: false });
    else ({ replaced } = await writeExport(path.resolve(io.cwd, file), file, pieces));
  } finally {
    await opened.reader.close();
  }
  const old = replaced ? `; ${file} was an older export, which it replaces` : '';
  io.stderr.write(`tailrace: exported ${inWords(counts)} from ${storeOf(config)}${old}\n`);
  if (waiting > 0)
    io.stderr.write(
      `tailrace: the server that uses ${dataDir} has not stored what waits in its spool, which is not in this export (entries: ${waiting})\n`,
    );
  return 0;
}

/** A server that reaches its store takes a second for what lies in its spool; after an outage it stores some MiB a second. */
const usualStoringMs = 5_000;

/**
 * Why the store of this configuration is not the one to export: the server of the data folder runs with another one, as where this
 * shell lacks a variable of it. Undefined where no server runs.
 */
async function storeOfServer(config: Config): Promise<string | undefined> {
  const { dataDir } = config.server;
  const server = await runningServer(dataDir, answers);
  if (server?.store === undefined || server.store === storeOf(config)) return undefined;
  return `the server at ${server.url}, which uses ${dataDir}, keeps its records in ${server.store}, and this command would export ${storeOf(config)}; set TAILRACE_DATABASE_URL or --config as for the server (or stop it first, to export the other store)`;
}

/** `does`: what a server does with its store, as the reason why it has to be stopped. */
function refusalOf({ holder, message }: OpeningFailure, { server }: Config, does: string): string {
  if (holder === undefined) return message;
  return `${server.dataDir} is used by ${holder}: a server ${does}; stop it first`;
}

/**
 * Stores what a killed server has left in the spool: the export reads only the store. Where a server runs, it does that itself.
 * Returns a message where the store cannot be opened.
 */
async function storeWaiting(config: Config, io: CommandIo): Promise<string | undefined> {
  const { server, storage } = config;
  if (!somethingWaits(server.dataDir)) return undefined;
  const opened = await openStore(storeOptions(config));
  if (!opened.ok) return opened.reason === 'locked' ? undefined : opened.message;
  try {
    return await recoverRecords({
      store: opened.store,
      shared: storage.databaseUrl !== undefined,
      dataDir: server.dataDir,
      spoolBytes: storage.spoolBytes,
      note: (line) => io.stderr.write(`tailrace: ${line}\n`),
      now: Date.now,
    });
  } finally {
    await opened.store.close();
  }
}

async function importFrom(file: string, config: Config, io: DbIo): Promise<number> {
  const source = file === '-' ? io.stdin : await openFile(path.resolve(io.cwd, file));
  source.setEncoding('utf8');
  try {
    const opened = await openStore(storeOptions(config));
    if (!opened.ok) return complain(io, refusalOf(opened, config, 'keeps its store to itself'), 1);
    const counts = new Map<string, number>();
    try {
      await opened.store.importRows(counting(parseJsonLines(source), counts));
    } finally {
      await opened.store.close();
    }
    io.stderr.write(`tailrace: imported ${inWords(counts)} into ${storeOf(config)}\n`);
    return 0;
  } finally {
    // A store that refuses has read nothing.
    source.destroy();
  }
}

/** Opens it before the store: where there is no such file, nothing else is touched. */
async function openFile(file: string): Promise<Readable> {
  const handle = await open(file, 'r');
  return createReadStream(file, { fd: handle });
}

async function* counting(
  rows: AsyncIterable<JsonObject>,
  counts: Map<string, number>,
): AsyncGenerator<JsonObject> {
  for await (const row of rows) {
    const table = String(row['table']);
    counts.set(table, (counts.get(table) ?? 0) + 1);
    yield row;
  }
}

const said = [
  ['owners', 'owner'],
  ['api_keys', 'key'],
  ['records', 'record'],
  ['intents', 'open request'],
  ['outbox', 'waiting event'],
] as const;

function inWords(counts: ReadonlyMap<string, number>): string {
  return said.map(([table, noun]) => counted(counts.get(table) ?? 0, noun)).join(', ');
}

function storeOptions({ server, storage, usage }: Config) {
  const { databaseUrl } = storage;
  return {
    dataDir: server.dataDir,
    now: Date.now,
    outbox: usage.webhook !== undefined,
    holder: { pid: process.pid },
    ...(databaseUrl === undefined ? {} : { databaseUrl }),
  };
}

function storeOf({ server, storage }: Config): string {
  return storeName({ dataDir: server.dataDir, databaseUrl: storage.databaseUrl });
}

/** Of a failure that the operator can mend; undefined for a bug. */
function messageOf(error: unknown, file: string): string | undefined {
  if (error instanceof ExportFileError) return error.message;
  if (error instanceof ImportError || error instanceof StoreError || error instanceof JsonLinesError)
    return error.message;
  if (error instanceof Error && 'syscall' in error) return fileProblem(error, file);
  return undefined;
}
