import { Agent, request } from 'node:http';
import { isObject, type JsonValue } from '../domain/json.ts';
import { type FoundAdministration, findAdministration } from '../service/find-administration.ts';
import { asLine } from './api-message.ts';
import type { CommandIo } from './command-io.ts';

/** Calls the routes under `/admin/v1`: of the server that runs, or of the store itself where none runs. */
export interface AdminClient {
  /** `path` with its query: `/admin/v1/keys?limit=10`. Never rejects. */
  call(method: string, path: string, body?: JsonValue): Promise<AdminAnswer>;
  /** `http://127.0.0.1:7245`. */
  readonly url: string;
  /** Where keys and records are, in words. */
  readonly where: string;
  /** The names of all models, where no server runs that could be asked. */
  readonly modelNames: readonly string[] | undefined;
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

/** The values of `--config` and `--data-dir`. */
export interface AdminPlace {
  readonly config?: string | undefined;
  readonly dataDir?: string | undefined;
  /** Whether a store is made where there is none; default: false. */
  readonly creates?: boolean;
  /** Only a server that runs will do, not its store. */
  readonly needsServer?: boolean;
}

/** An answer may be long in the making, but each byte follows the one before within this time. */
const silenceMs = 60_000;
const livezMs = 5_000;

/** Finds the server of a data folder, else opens its store. The caller closes the client. */
export async function openAdminClient(place: AdminPlace, io: CommandIo): Promise<OpenedAdminClient> {
  const found = await findAdministration({
    ...place,
    creates: place.creates ?? false,
    note: (line) => io.stderr.write(`tailrace: ${line}\n`),
    env: io.env,
    cwd: io.cwd,
    answers,
  });
  return found.ok ? { ok: true, client: createAdminClient(found) } : found;
}

/** Whether an HTTP server answers at a URL. */
export async function answers(url: string): Promise<boolean> {
  const { status } = await send(url, { method: 'GET', path: '/livez', timeoutMs: livezMs });
  return status !== 0;
}

function createAdminClient({
  url,
  adminKey: key,
  keyFrom,
  where,
  modelNames,
  close,
}: Extract<FoundAdministration, { readonly ok: true }>): AdminClient {
  return {
    url,
    where,
    modelNames,
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
      // The server's own words are about a key that its caller has typed, and this command has found its key.
      const message = status === 401 || status === 403 ? wrongKey(url, keyFrom, key) : refusal(url, sent);
      return { ok: false, status, message, exitCode: status === 400 ? 2 : 1 };
    },
    close,
  };
}

/** The server does not take the key, or takes it for a client's only. */
function wrongKey(url: string, from: string, key: string | undefined): string {
  const taken =
    key === undefined
      ? `the server at ${url} asks for an admin key, and this command has none (${from})`
      : `the server at ${url} does not take the admin key of ${from}`;
  return `${taken}; set TAILRACE_ADMIN_KEY to an admin key of that server`;
}

function refusal(url: string, { status, text }: Sent): string {
  if (status === 0) return `no answer from ${url}: ${text}`;
  try {
    const json: unknown = JSON.parse(text);
    if (isObject(json) && isObject(json['error']) && typeof json['error']['message'] === 'string')
      return asLine(json['error']['message']);
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
