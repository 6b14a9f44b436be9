import { isObject, type JsonObject, type JsonValue } from '../domain/json.ts';
import { type AdminClient, type AdminPlace, openAdminClient } from './admin-client.ts';
import type { CommandIo } from './command-io.ts';
import { print } from './print.ts';

/** One command that calls the administration. It throws a {@link Refused} where a call is refused. */
export type Administer = (admin: Administration) => Promise<void>;

/** Calls of the administration whose refusals end the command. */
export interface Administration {
  /** `http://127.0.0.1:7245`. */
  readonly url: string;
  /** Where keys and records are, in words. */
  readonly where: string;
  call(method: string, path: string, body?: JsonValue): Promise<JsonObject>;
  /** The same, with undefined where there is no such key or owner. */
  find(path: string): Promise<JsonObject | undefined>;
  /** All entries of a list, of however many pages. `path` with a query, or ending in `?`. */
  all(path: string): Promise<JsonObject[]>;
  /** The ids and aliases of all models. */
  modelNames(): Promise<readonly string[]>;
}

/** Ends a command with this line on standard error. */
export class Refused extends Error {
  readonly exitCode: 1 | 2;

  constructor(message: string, exitCode: 1 | 2) {
    super(message);
    this.name = 'Refused';
    this.exitCode = exitCode;
  }
}

export interface AdministerOptions {
  /** The message where a key or an owner that was named does not exist. */
  readonly missing?: string;
}

/**
 * Opens the administration for one command. Resolves to the exit status: 0 done; 1 refused, or the store cannot be opened; 2 wrong
 * usage, or there is no store.
 */
export async function administer(
  place: AdminPlace,
  io: CommandIo,
  work: Administer,
  options: AdministerOptions = {},
): Promise<number> {
  const opened = await openAdminClient(place, io);
  if (!opened.ok) return complain(io, opened.message, opened.exitCode);
  const { client } = opened;
  try {
    await work(administrationOf(client, options));
    return 0;
  } catch (error) {
    if (error instanceof Refused) return complain(io, error.message, error.exitCode);
    throw error;
  } finally {
    await client.close();
  }
}

export function complain(io: CommandIo, message: string, exitCode: 1 | 2 | 3): number {
  for (const line of message.split('\n')) io.stderr.write(`tailrace: ${line}\n`);
  return exitCode;
}

function administrationOf(client: AdminClient, { missing }: AdministerOptions): Administration {
  async function call(method: string, path: string, body?: JsonValue): Promise<JsonObject> {
    const answer = await client.call(method, path, body);
    if (answer.ok) return parsed(answer.text);
    if (answer.status === 404 && missing !== undefined) throw new Refused(missing, 1);
    throw new Refused(answer.message, answer.exitCode);
  }
  async function all(path: string): Promise<JsonObject[]> {
    const found: JsonObject[] = [];
    for (;;) {
      const last = found.at(-1)?.['id'];
      const after = typeof last === 'string' ? `&after=${encodeURIComponent(last)}` : '';
      const page = await call('GET', `${path}&limit=1000${after}`);
      const data = Array.isArray(page['data']) ? page['data'].filter(isObject) : [];
      found.push(...data);
      if (page['has_more'] !== true || data.length === 0) return found;
    }
  }
  return {
    url: client.url,
    where: client.where,
    call,
    all,
    async modelNames() {
      if (client.modelNames !== undefined) return client.modelNames;
      return (await all('/admin/v1/models?')).flatMap(({ id, aliases }) =>
        [id, ...(Array.isArray(aliases) ? aliases : [])].filter((name) => typeof name === 'string'),
      );
    },
    async find(path) {
      const answer = await client.call('GET', path);
      if (answer.ok) return parsed(answer.text);
      if (answer.status === 404) return undefined;
      throw new Refused(answer.message, answer.exitCode);
    },
  };
}

function parsed(text: string): JsonObject {
  try {
    const json: unknown = JSON.parse(text);
    if (isObject(json)) return json;
  } catch {
    // Not from a server of ours.
  }
  throw new Refused('the server answered with something that is not JSON', 1);
}

/** The width of the terminal; undefined where the output is none. */
export function terminalWidth({ stdout }: CommandIo): number | undefined {
  return stdout.isTTY === true ? stdout.columns : undefined;
}

/** Writes JSON for programs. */
export function writeJson(io: CommandIo, value: unknown): Promise<void> {
  return print(io, `${JSON.stringify(value, null, 2)}\n`);
}

/** What a list says that has no entries, beside its empty output. */
export function sayEmpty(io: CommandIo, message: string): void {
  io.stderr.write(`tailrace: ${message}\n`);
}

/** Writes a whole list in the form of the API's: a program reads both in the same way. */
export function writeList(io: CommandIo, data: readonly JsonObject[]): Promise<void> {
  return writeJson(io, { data, has_more: false });
}
