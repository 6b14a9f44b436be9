import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { onTestFinished } from 'vitest';

/** The root of the repository. */
export const root = fileURLToPath(new URL('../../../../', import.meta.url));

interface TypeCheck {
  /** Of the programs: `ts` or `tsx`. */
  readonly extension: string;
  /** The configuration that is extended, relative to the root. */
  readonly extends: string;
  readonly compilerOptions: object;
}

/** What the compiler says of these programs, which lie in a folder outside of the repository; empty where it finds nothing. */
export async function typeCheck(programs: readonly string[], check: TypeCheck): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'tailrace-readme-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const write = (code: string, index: number) =>
    writeFile(path.join(folder, `program-${index}.${check.extension}`), code);
  await Promise.all(programs.map(write));
  const config = {
    extends: path.join(root, check.extends),
    compilerOptions: {
      module: 'esnext',
      moduleResolution: 'bundler',
      typeRoots: [path.join(root, 'node_modules/@types')],
      ...check.compilerOptions,
    },
    include: [`${folder}/*.${check.extension}`],
  };
  const file = path.join(folder, 'tsconfig.json');
  await writeFile(file, JSON.stringify(config));
  const tsc = path.join(root, 'node_modules/typescript/bin/tsc');
  const { stdout } = await promisify(execFile)(process.execPath, [tsc, '-p', file]).catch(
    (error: { stdout: string }) => error,
  );
  return stdout;
}
