import { existsSync } from 'node:fs';
import path from 'node:path';
import { root } from '../../tools/run.ts';

const venv = path.join(root, '.tools/venv-deploy');

/** The folder of the packages of test/deploy/requirements.txt; undefined where `npm test` could not install them. */
export const judges = existsSync(path.join(venv, 'bin/python')) ? venv : undefined;
export const withoutJudges =
  judges === undefined ? 'the packages of test/deploy/requirements.txt are not installed' : undefined;

/** A program of these packages. */
export function judge(name: string): string {
  return path.join(venv, 'bin', name);
}
