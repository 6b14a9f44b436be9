import type { ServedConfig } from '../serving-processes.ts';
import type { PreparedConfig } from '../serving-rooms.ts';
import type { Worker } from './fleet.ts';

/**
 * Has all workers prepare a configuration, so that all of them put it in force, or none. A worker that ends meanwhile has no
 * say: its successor begins with the configuration that is in force then. `release`: called when the reload is over; no worker
 * is started before.
 */
export async function prepareAll(
  next: ServedConfig,
  { workers, release }: { readonly workers: readonly Worker[]; readonly release: () => void },
): Promise<PreparedConfig> {
  const prepared = await Promise.all(workers.map(({ ask }) => ask('prepare', next).catch(() => [])));
  const all = async (what: 'commit' | 'discard'): Promise<void> => {
    try {
      await Promise.all(workers.map(({ ask }) => ask(what, undefined).catch(() => {})));
    } finally {
      release();
    }
  };
  return {
    problems: [...new Set(prepared.flat())],
    commit: () => all('commit'),
    discard: () => all('discard'),
  };
}
