import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { startChild } from '../support/child.ts';

/** What a driver is asked to do; `drivers/lines.mjs` describes the protocol. */
export interface Call {
  readonly op: Operation;
  readonly baseUrl: string;
  readonly apiKey: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly request?: Readonly<Record<string, unknown>>;
  readonly modelId?: string;
  /** Streams: leave after that many pieces of text. */
  readonly stopAfter?: number;
  /** How to leave: the abort signal, or out of the loop. */
  readonly how?: 'abort' | 'break';
  /** Turns: what the user says next. */
  readonly question?: string;
  /** Durable Streams: the address of the stream, and how it is read. */
  readonly streamUrl?: string;
  readonly offset?: string;
  readonly live?: 'long-poll' | 'sse';
}

export type Operation =
  | 'complete'
  | 'stream'
  | 'helper'
  | 'turns'
  | 'models'
  | 'model'
  // What the SDK shows, as it is: chunks, its own accumulation of them, an answer that does not stream.
  | 'seeChunks'
  | 'seeAccumulated'
  | 'seeWhole'
  // Clients of Durable Streams.
  | 'follow'
  | 'readAll'
  | 'head'
  | 'remove';

export interface Outcome {
  readonly text: string;
  /** Deltas with text in them. */
  readonly pieces: number;
  readonly events: number;
  readonly finish: string | null;
  readonly usage: { readonly prompt: number; readonly completion: number; readonly total: number } | null;
  /** How many events said something of usage. */
  readonly usageEvents: number;
  readonly ids: readonly string[];
  /** Of the operations that begin with `see`: chunks or a completion, until an exception. Of Durable Streams: the messages. */
  readonly seen: readonly unknown[];
  /** Of Durable Streams: where the next read begins, and whether the stream was closed; null where the client does not say. */
  readonly position: { readonly offset: string; readonly closed: boolean | null } | null;
  readonly error: ClientError | null;
}

export interface ClientError {
  /** The names of the exception's class and of its ancestors: users catch any of them. */
  readonly classes: readonly string[];
  readonly status: number | null;
  readonly code: string | null;
  readonly param: string | null;
  readonly type: string | null;
  readonly message: string;
  readonly duringIteration: boolean;
}

export interface Client {
  call(call: Call): Promise<Outcome>;
  close(): Promise<void>;
}

/** A driver of `drivers/`, with its argument. */
export interface Driver {
  readonly file: string;
  readonly argument?: string;
}

const folder = fileURLToPath(new URL('./drivers/', import.meta.url));
/** Of the environment that `npm test` makes, with all Python clients. */
export const python = fileURLToPath(new URL('../../.tools/venv/bin/python', import.meta.url));

/** Starts a driver; one call at a time, as its user would. `close()` ends the process. */
export function startClient(driver: Driver): Client {
  const args = [`${folder}${driver.file}`, ...(driver.argument === undefined ? [] : [driver.argument])];
  const child = driver.file.endsWith('.py')
    ? startChild(python, args)
    : // A driver may load a client of this repository from its sources.
      startChild(process.execPath, ['--conditions=tailrace-source', ...args]);
  const { stdin, stdout } = child.process;
  if (stdin === null || stdout === null) throw new Error('a driver without pipes');
  const waiting = new Map<number, (outcome: Outcome) => void>();
  createInterface({ input: stdout }).on('line', (line) => {
    const answer = JSON.parse(line) as { id: number; outcome: Outcome };
    waiting.get(answer.id)?.(answer.outcome);
    waiting.delete(answer.id);
  });
  let calls = 0;
  return {
    call(call) {
      calls += 1;
      const id = calls;
      return new Promise((resolve, reject) => {
        waiting.set(id, resolve);
        stdin.write(`${JSON.stringify({ id, ...call })}\n`);
        void child.exited.then(() => reject(new Error(`${driver.file} ended:\n${child.stderr()}`)));
      });
    },
    async close() {
      stdin.end();
      await child.end('SIGTERM', 2000);
    },
  };
}
