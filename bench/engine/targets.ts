import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A running server; the caller stops it. */
export interface Target {
  readonly name: string;
  readonly url: string;
  readonly key: string;
  readonly model: string;
  /** The token ids that end an answer, each with a bias that forbids it. */
  readonly endTokens: Readonly<Record<string, number>>;
  /** Fields that set OpenAI's defaults, where the server's own differ. */
  readonly plain: Readonly<Record<string, number>>;
  /** Processor time of the server and its children so far. */
  cpuMs(): number;
  stop(): Promise<void>;
}

export interface TargetOptions {
  readonly binary: string;
  readonly model: string;
  readonly threads: number;
  readonly sequences: number;
  /** Tokens a sequence. */
  readonly context: number;
  /** For Tailrace only; llama-server always has it on. */
  readonly flashAttention: boolean;
}

const startMs = 60_000;
/** Of the SmolLM2 family: `<|endoftext|>` and `<|im_end|>`. */
const endTokens = { '0': -100, '2': -100 };

export async function startTailrace(options: TargetOptions): Promise<Target> {
  const folder = mkdtempSync(join(tmpdir(), 'tailrace-bench-'));
  const port = await freePort();
  const config = join(folder, 'tailrace.json');
  const model = { file: options.model, sequences: options.sequences, context: options.context };
  writeFileSync(
    config,
    JSON.stringify({
      server: { listen: `127.0.0.1:${port}`, data_dir: folder },
      engine: {
        models: { bench: model },
        threads: options.threads,
        flash_attention: options.flashAttention,
      },
      auth: { api_keys: ['bench'] },
    }),
  );
  const main = new URL('../../packages/server/src/cli/main.ts', import.meta.url).pathname;
  const child = spawn(process.execPath, ['--conditions=tailrace-source', main, 'serve', '--config', config], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, TAILRACE_LOG_LEVEL: 'error' },
  });
  const url = `http://127.0.0.1:${port}`;
  const stop = async (): Promise<void> => {
    await end(child);
    rmSync(folder, { recursive: true, force: true });
  };
  await untilServing(`${url}/readyz`, child);
  return {
    name: 'tailrace',
    url,
    key: 'bench',
    model: 'bench',
    endTokens,
    plain: {},
    cpuMs: () => cpuMsOf(child.pid),
    stop,
  };
}

export async function startLlamaServer(options: TargetOptions): Promise<Target> {
  const port = await freePort();
  const flags: readonly [string, string | number][] = [
    ['--model', options.model],
    ['--port', port],
    ['--threads', options.threads],
    ['--threads-batch', options.threads],
    ['--parallel', options.sequences],
    ['--ctx-size', options.context * options.sequences],
  ];
  const child = spawn(options.binary, flags.flat().map(String), { stdio: 'ignore' });
  const url = `http://127.0.0.1:${port}`;
  await untilServing(`${url}/health`, child);
  // With its default of 40 candidates llama-server would sample more cheaply than Tailrace.
  const plain = { top_k: 0, top_p: 1, min_p: 0, repeat_penalty: 1 };
  return {
    name: 'llama-server',
    url,
    key: '',
    model: 'bench',
    endTokens,
    plain,
    cpuMs: () => cpuMsOf(child.pid),
    stop: () => end(child),
  };
}

const tickMs = 10;

/** Linux only: user and system time of a process and all its descendants, in ticks of 10 ms. */
function cpuMsOf(pid: number | string | undefined): number {
  if (pid === undefined) return 0;
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? [];
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean);
  const own = tickMs * (Number(fields[11]) + Number(fields[12]));
  return children.reduce((sum, child) => sum + cpuMsOf(child), own);
}

async function untilServing(url: string, child: ChildProcess): Promise<void> {
  const deadline = performance.now() + startMs;
  while (performance.now() < deadline && child.exitCode === null) {
    try {
      if ((await fetch(url)).ok) return;
    } catch {
      // Not listening yet.
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  await end(child);
  throw new Error(`${url} does not answer`);
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await gone;
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}
