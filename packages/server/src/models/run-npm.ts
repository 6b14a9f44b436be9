import { spawn } from 'node:child_process';
import { realpath } from 'node:fs/promises';
import path from 'node:path';
import type { Environment } from './machine.ts';

export type NpmOutcome =
  | { readonly ended: 'well' }
  | { readonly ended: 'badly'; readonly output: string }
  | { readonly ended: 'absent' }
  | { readonly ended: 'cancelled' };

export interface NpmRun {
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Environment;
  readonly signal: AbortSignal;
  /** Called with each line of its output. */
  onLine(line: string): void;
}

const outputKept = 4_000;

/**
 * Runs the npm that came with this Node, or that is on the path, to its end. It has the operator's own settings (registry,
 * proxy, certificates), and none of the variables of this server.
 */
export async function runNpm(run: NpmRun): Promise<NpmOutcome> {
  const script = await findNpm(run.env);
  if (script === undefined) return { ended: 'absent' };
  return await new Promise((resolve) => {
    const child = spawn(process.execPath, [script, ...run.args], {
      cwd: run.cwd,
      env: environmentOfNpm(run.env),
      signal: run.signal,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let kept = '';
    for (const stream of [child.stdout, child.stderr]) {
      let line = '';
      stream.setEncoding('utf8').on('data', (text: string) => {
        const lines = (line + text).split('\n');
        line = lines.pop() ?? '';
        for (const whole of lines) run.onLine(whole);
        kept = (kept + text).slice(-outputKept);
      });
    }
    child.on('error', (error) => {
      if (!run.signal.aborted) kept += error.message;
    });
    child.on('close', (code) => {
      if (run.signal.aborted) resolve({ ended: 'cancelled' });
      else resolve(code === 0 ? { ended: 'well' } : { ended: 'badly', output: kept });
    });
  });
}

/** `npx` leaves settings of its own in the environment, among them the folder that it works for. */
export function environmentOfNpm(env: Environment): Record<string, string> {
  const own = /^TAILRACE_|^npm_(config_(local_prefix|package|call|global)|lifecycle_|package_)/i;
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(env))
    if (value !== undefined && !own.test(name)) kept[name] = value;
  return kept;
}

/** npm's script, so that it runs under this Node. */
async function findNpm(env: Environment): Promise<string | undefined> {
  const beside = path.dirname(await realpath(process.execPath));
  const inModules = path.join('node_modules', 'npm', 'bin', 'npm-cli.js');
  const onPath = (env['PATH'] ?? env['Path'] ?? '').split(path.delimiter).filter((folder) => folder !== '');
  const candidates = [
    env['npm_execpath'],
    path.join(beside, '..', 'lib', inModules),
    path.join(beside, inModules),
    ...onPath.flatMap((folder) => [path.join(folder, 'npm'), path.join(folder, inModules)]),
  ];
  for (const candidate of candidates) {
    if (candidate === undefined) continue;
    const file = await realpath(candidate).catch(() => '');
    if (path.basename(file) === 'npm-cli.js') return file;
  }
  return undefined;
}
