import { existsSync } from 'node:fs';
import path from 'node:path';
import { root } from './run.ts';

/** Where programs in Go are that only tests use. */
export const goPrograms = path.join(root, '.tools/go');

/** The program of this name, there or on the path; undefined where there is none. */
export function findGoProgram(name: string): string | undefined {
  const folders = [goPrograms, ...(process.env['PATH'] ?? '').split(path.delimiter)];
  return folders.map((folder) => path.join(folder, name)).find((file) => existsSync(file));
}
