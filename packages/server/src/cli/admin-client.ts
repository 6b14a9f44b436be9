import { Agent, request } from 'node:http';
import path from 'node:path';
import { readKeyFile } from '../access/key-files.ts';
import type { Config } from '../config/config.ts';
import { formatProblem } from '../config/config-problem.ts';
import { environmentVariable } from '../config/environment.ts';
import { loadConfig } from '../config/load-config.ts';
import { isObject, type JsonValue } from '../domain/json.ts';
import { processLives, readServerFile } from '../service/server-file.ts';
import type { CommandIo } from './command-io.ts';

/** Calls the routes under `/admin/v1`: of the server that runs, or of the store itself where none runs. */
export interface AdminClient {
  /** `path` with its query: `/admin/v1/keys?limit=10`. Never rejects. */
  call(method: string, path: string, body?: JsonValue): Promise<AdminAnswer>;
  close(): Promise<void>;
}

export type AdminAnswer =
  | { readonly ok: true; readonly text: string }
  /** `status` is that of the refusal; 0 where no answer came. `exitCode`: 2 where the call itself was wrong. */
  | { readonly ok: false; readonly status: number; readonly message: string; readonly exitCode: 1 | 2 };

export type OpenedAdminClient =
  | { readonly ok: true; readonly client: AdminClient }
  /** `message`: one line for each problem. */
  | { readonly ok: false; readonly message: string; readonly exitCode: 1 | 2 };

export interface AdminPlace {
  /** The values of `--config` and `--data-dir`. */
  readonly config?: string | undefined;
  readonly dataDir?: string | undefined;
}

/** An answer may be long in the making, but each byte follows the one before within this time. */
const silenceMs = 60_000;
const livezMs = 5_000;

/** Finds the server of a data folder, else opens its store. The caller closes the client. */
export async function openAdminClient(place: AdminPlace, io: CommandIo): Promise<OpenedAdminClient> {
  const flags = {
    ...(place.config === undefined ? {} : { config: place.config }),
    ...(place.dataDir === undefined ? {} : { dataDir: place.dataDir }),
  };
  const loaded = await loadConfig({ env: io.env, cwd: io.cwd, flags });
  const config = loaded.ok ? loaded.config : undefined;
  // A server is found by its folder alone: this shell may lack the variables that the file of the server names.
  const named = place.dataDir ?? environmentVariable(io.env, 'TAILRACE_DATA_DIR');
  const dataDir = config?.server.dataDir ?? (named === undefined ? undefined : path.resolve(io.cwd, named));
  const url = dataDir === undefined ? undefined : await runningServer(dataDir);
  if (url !== undefined && dataDir !== undefined) {
    const key = await adminKey(config, dataDir, io);
    return key.ok ? { ok: true, client: createAdminClient(url, key.key) } : { ...key, exitCode: 1 };
  }
  if (!loaded.ok) return { ok: false, message: loaded.problems.map(formatProblem).join('\n'), exitCode: 2 };
  // Imported here: with a server that runs, no store is opened.
  const { openAdministration } = await import('../service/open-administration.ts');
  const opened = await openAdministration(loaded.config);
  if (!opened.ok) return { ...opened, exitCode: 1 };
  return { ok: true, client: createAdminClient(opened.url, opened.adminKey, opened.close) };
}

/** The URL of the server that uses this folder; undefined where none runs. */
async function runningServer(dataDir: string): Promise<string | undefined> {
  const file = await readServerFile(dataDir);
  if (file === undefined || !processLives(file.pid)) return undefined;
  // The id of a server that was killed may have been given to another process.
  const alive = await send(file.url, { method: 'GET', path: '/livez', timeoutMs: livezMs });
  return alive.status === 0 ? undefined : file.url;
}

async function adminKey(
  config: Config | undefined,
  dataDir: string,
  io: CommandIo,
): Promise<
  { readonly ok: true; readonly key: string | undefined } | { readonly ok: false; readonly message: string }
> {
  if (config?.auth.required === false) return { ok: true, key: undefined };
  const given = config?.auth.adminKeys[0] ?? environmentVariable(io.env, 'TAILRACE_ADMIN_KEY');
  if (given !== undefined) return { ok: true, key: given };
  const file = await readKeyFile(dataDir, 'admin-key');
  if (file.ok) return { ok: true, key: file.key };
  const where = 'put the admin key of the running server into TAILRACE_ADMIN_KEY';
  return { ok: false, message: `${file.file}: ${file.message}; ${where}` };
}

function createAdminClient(
  url: string,
  key: string | undefined,
  close: () => Promise<void> = async () => {},
): AdminClient {
  return {
    async call(method, at, body) {
      const sent = await send(url, {
        method,
        path: at,
        timeoutMs: silenceMs,
        ...(key === undefined ? {} : { key }),
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const { status, text } = sent;
      if (status >= 200 && status < 300) return { ok: true, text };
      return { ok: false, status, message: refusal(url, sent), exitCode: status === 400 ? 2 : 1 };
    },
    close,
  };
}

function refusal(url: string, { status, text }: Sent): string {
  if (status === 0) return `no answer from ${url}: ${text}`;
  try {
    const json: unknown = JSON.parse(text);
    if (isObject(json) && isObject(json['error']) && typeof json['error']['message'] === 'string')
      return json['error']['message'];
  } catch {
    // Not from a server of ours.
  }
  return `${url} answered with status ${status}, and not as Tailrace does`;
}

interface Asked {
  readonly method: string;
  readonly path: string;
  readonly timeoutMs: number;
  readonly key?: string;
  readonly body?: string;
}

/** `status` 0: no answer; `text` says why. */
interface Sent {
  readonly status: number;
  readonly text: string;
}

/** With an agent of its own: that of the process may lead through a proxy, which must not see an admin key. */
function send(url: string, { method, path: at, timeoutMs, key, body }: Asked): Promise<Sent> {
  return new Promise((resolve) => {
    const failed = (error: Error) => resolve({ status: 0, text: error.message });
    const asked = request(
      `${url}${at}`,
      {
        method,
        agent: new Agent(),
        timeout: timeoutMs,
        headers: {
          ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
          ...(body === undefined
            ? {}
            : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
        },
      },
      (answer) => {
        const pieces: Buffer[] = [];
        answer.on('data', (piece: Buffer) => pieces.push(piece));
        answer.on('error', failed);
        answer.on('end', () => {
          resolve({ status: answer.statusCode ?? 0, text: Buffer.concat(pieces).toString('utf8') });
        });
      },
    );
    asked.on('timeout', () => asked.destroy(new Error(`nothing came for ${timeoutMs / 1_000} s`)));
    asked.on('error', failed);
    asked.end(body);
  });
}
