import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Environment, Machine } from './machine.ts';
import { found, type ModelResult, missing } from './model-result.ts';

/*
 * The help text of pip names its default index. pip need not be installed: Python has a wheel of it for `ensurepip`, and
 * Debian has one in /usr/share/python-wheels.
 */
const askPip = `
import glob, os, runpy, sys
try:
    import pip
except ImportError:
    places = ['/usr/share/python-wheels']
    try:
        import ensurepip
        places.insert(0, os.path.join(os.path.dirname(ensurepip.__file__), '_bundled'))
    except ImportError:
        pass
    wheels = [wheel for place in places for wheel in glob.glob(os.path.join(place, 'pip-*.whl'))]
    if not wheels:
        sys.exit('this Python carries no pip')
    sys.path.insert(0, wheels[0])
sys.argv = ['pip', '--isolated', 'download', '--help']
runpy.run_module('pip', run_name='__main__')
`;

const patienceMs = 15_000;

/**
 * The index that pip uses where none is configured, as the Python of this machine prints it. This takes about half a
 * second, so the answer is kept in the cache folder. Fails with `not_found` where there is no Python, or none with pip.
 */
export async function defaultPythonIndex(
  cacheDir: string,
  env: Environment,
  machine: Machine,
  signal: AbortSignal,
): Promise<ModelResult<string>> {
  const memory = path.join(cacheDir, 'python-index.txt');
  const known = (await readFile(memory, 'utf8').catch(() => '')).trim();
  if (URL.canParse(known)) return found(known);
  const names = machine.platform === 'win32' ? ['py', 'python', 'python3'] : ['python3', 'python'];
  let why = 'there is no Python on this machine to ask for its package index';
  for (const name of names) {
    const output = await run(name, env, signal);
    if (signal.aborted) return missing('cancelled', 'cancelled');
    if (output === undefined) continue;
    const url = indexInHelp(output);
    if (url === undefined) {
      why = `${name} does not say which package index it uses`;
      continue;
    }
    // Where the cache cannot be written, the model's download reports it. Here it only makes the next start slower.
    await writeFile(memory, `${url}\n`).catch(() => undefined);
    return found(url);
  }
  return missing('not_found', `${why}; set PIP_INDEX_URL`);
}

/** Reads the index from the text of `pip download --help`, with any line breaks. */
export function indexInHelp(help: string): string | undefined {
  const url = /--index-url[\s\S]{0,400}?\(default:?\s+(https?:\/\/[^\s)]+)\s*\)/.exec(help)?.[1];
  return url !== undefined && URL.canParse(url) ? url : undefined;
}

/** The standard output of a program; undefined where the program does not exist. */
function run(program: string, env: Environment, signal: AbortSignal): Promise<string | undefined> {
  const options = { env: { ...env, COLUMNS: '400' }, timeout: patienceMs, signal, windowsHide: true };
  return new Promise((resolve) => {
    execFile(program, ['-c', askPip], options, (error, stdout) => {
      resolve(error !== null && stdout === '' ? (error.code === 'ENOENT' ? undefined : '') : stdout);
    });
  });
}
