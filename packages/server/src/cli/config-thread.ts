import { type ConfigSources, freeze, type LoadedConfig } from '../config/load-config.ts';
import { createKillableThread, type KillableThread } from '../worker/killable-thread.ts';
import { startWorker } from '../worker/start-worker.ts';

/** What can be sent to a thread: the disk is there too. */
export type ThreadSources = Omit<ConfigSources, 'files' | 'machine'>;

export interface ConfigThread {
  /** `loadConfig`, beside the event loop. Never rejects. */
  load(sources: ThreadSources): Promise<LoadedConfig>;
  close(): Promise<void>;
}

/** A file of 1 MiB takes 3 to 9 s of parsing and checking on a machine at rest. */
const taskMs = 60_000;
const maxHeapMiB = 512;
const owner = { keyId: 'configuration', signal: new AbortController().signal };

/**
 * Reads configurations for reloads. A file of 2,000 models takes 0.6 s to parse and to check, and one of 1 MiB with a
 * problem in each line 8 s: on the event loop every stream would stand still for so long.
 */
export function createConfigThread(): ConfigThread {
  const thread: KillableThread<ThreadSources, LoadedConfig> = createKillableThread({
    start: () => startWorker(import.meta.url, 'config-worker', { maxOldGenerationSizeMb: maxHeapMiB }),
    taskMs,
    idleMs: 30_000,
  });

  return {
    async load(sources) {
      const outcome = await thread.run(sources, owner);
      if (outcome.type !== 'done') return unread(outcome.type);
      const loaded = outcome.answer;
      // What crosses a thread is a copy, and a copy is not frozen.
      return loaded.ok ? { ...loaded, config: freeze(loaded.config) } : loaded;
    },
    close: thread.close,
  };
}

function unread(how: string): LoadedConfig {
  const message =
    how === 'late'
      ? `it could not be read within ${taskMs / 1_000} s`
      : `it could not be read: the thread that reads it is ${how}`;
  return { ok: false, problems: [{ source: 'the configuration', path: '', message }] };
}
