import path from 'node:path';
import { environmentOf, findPrograms } from '../../tools/services/programs.ts';
import { type Exit, startChild } from '../support/child.ts';

/** That of the Prometheus which `npm test` has brought. */
export const prometheusPrograms = findPrograms('Prometheus');

/** Why a test cannot have them; undefined where it can. A suite that needs them is skipped with this reason in its name. */
export const withoutPrometheus =
  prometheusPrograms === undefined ? 'no Prometheus; npm test brings it' : undefined;

/** Runs promtool to its end. `input`: its standard input. */
export async function promtool(
  args: readonly string[],
  input = '',
): Promise<Exit & { readonly output: string }> {
  if (prometheusPrograms === undefined) throw new Error(withoutPrometheus);
  const child = startChild(path.join(prometheusPrograms.bin, 'promtool'), args, {
    env: environmentOf(prometheusPrograms),
  });
  child.process.stdin?.end(input);
  const exit = await child.exited;
  return { ...exit, output: child.stdout() + child.stderr() };
}
