import { type ChildProcess, fork, type StdioOptions, spawn } from 'node:child_process';
import { mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LoadJob, LoadReport, LoadResult } from './load/load-job.ts';
import { withDescendants } from './process-figures.ts';
import type { Kind } from './upstream/dialects.ts';

export const root = join(import.meta.dirname, '../..');

/** Every process and file of one run. The caller closes it; the end of this process does so too. */
export class BenchProcesses {
  /** A folder for configurations, logs and data. */
  readonly folder = mkdtempSync(join(tmpdir(), 'tailrace-bench-'));
  private readonly children: ChildProcess[] = [];
  private load: ChildProcess | undefined;

  constructor() {
    process.once('exit', () => this.close());
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
      process.once(signal, () => process.exit(1));
  }

  close(): void {
    for (const child of this.children.splice(0)) kill(child);
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 3 });
  }

  /** Its standard output is piped; its standard error, a log, goes to `NAME.log` in the folder or is this process's own. */
  start(command: string, args: readonly string[], options: StartOptions = {}): ChildProcess {
    const { log, env } = options;
    const error = log === undefined ? 'inherit' : openSync(join(this.folder, `${log}.log`), 'a');
    const stdio: StdioOptions = ['ignore', 'pipe', error];
    const child = spawn(command, args, { stdio, env: { ...process.env, ...env } });
    child.once('error', ({ message }) => {
      const hint = command.endsWith('nginx') ? '; --nginx PATH names it, --nginx none leaves it out' : '';
      process.stderr.write(`bench: cannot start ${command}: ${message}${hint}\n`);
      process.exit(1);
    });
    this.children.push(child);
    return child;
  }

  stop(child: ChildProcess): void {
    kill(child);
    this.children.splice(this.children.indexOf(child), 1);
  }

  /** See `upstream/main.ts`. */
  async startUpstream(
    kind: Kind,
    wantedPort: number,
  ): Promise<{ readonly port: number; readonly pid: number }> {
    const upstream = this.fork('upstream/main.ts', [String(wantedPort), kind]);
    return { port: Number(await firstLine(upstream, /^(\d+)/)), pid: upstream.pid ?? 0 };
  }

  /**
   * Has the load process do one job. Returns what it measured, undefined for jobs that measure nothing; rejects where an
   * answer was not whole. `onWindow` is called when the measurement begins and ends.
   */
  async runLoad(
    job: LoadJob,
    onWindow: (is: 'open' | 'closed') => void = () => {},
  ): Promise<LoadResult | undefined> {
    this.load ??= this.fork('load/main.ts', []);
    const { load } = this;
    return new Promise((resolve, reject) => {
      const onMessage = (report: LoadReport): void => {
        if (report.kind === 'window') {
          onWindow(report.is);
          return;
        }
        load.off('message', onMessage).off('exit', onExit);
        if (report.kind === 'failed') reject(new Error(report.reason));
        else resolve(report.kind === 'result' ? report.result : undefined);
      };
      const onExit = (code: number | null): void => reject(new Error(`the load process ended with ${code}`));
      load.on('message', onMessage).once('exit', onExit);
      load.send(job);
    });
  }

  /** They end when this process does, because their channel then closes. */
  private fork(script: string, args: readonly string[]): ChildProcess {
    const child = fork(join(import.meta.dirname, script), args, {
      stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
      // A small young generation: its collections are too short to be seen in the figures.
      execArgv: ['--max-semi-space-size=1'],
    });
    this.children.push(child);
    return child;
  }
}

export interface StartOptions {
  readonly log?: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** The first group of the pattern in what the process prints; rejects where the process ends before. */
export function firstLine(child: ChildProcess, pattern: RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    child.stdout?.on('data', (bytes: Buffer) => {
      text += bytes.toString();
      const found = pattern.exec(text)?.[1];
      if (found !== undefined) resolve(found);
    });
    child.once('exit', (code) => reject(new Error(`a process ended with ${code} before it was ready`)));
    child.once('error', reject);
  });
}

/** Not SIGTERM: a server would wait for its open streams. nginx's workers survive their master, so all are killed. */
function kill(child: ChildProcess): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  for (const pid of withDescendants([child.pid])) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It has ended already.
    }
  }
}
