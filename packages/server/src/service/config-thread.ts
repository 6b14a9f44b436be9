import { MessageChannel } from 'node:worker_threads';
import { type ConfigFiles, diskFiles } from '../config/config-files.ts';
import { type ConfigSources, freeze, type LoadedConfig } from '../config/load-config.ts';
import { createKillableThread, type KillableThread, type ThreadOutcome } from '../worker/killable-thread.ts';
import { startWorker } from '../worker/start-worker.ts';
import { answerFileQuestions } from './files-port.ts';

/** The sources that can be sent to a thread. The thread reads files through a port. */
export type ThreadSources = Omit<ConfigSources, 'files' | 'machine'>;

export interface ConfigThread {
  /** `loadConfig` on the thread. Never rejects: where the thread fails, that is a problem of the configuration. */
  load(sources: ThreadSources): Promise<LoadedConfig>;
  close(): Promise<void>;
}

/**
 * The parsing and checking of a file of 1 MiB takes up to 5 s (`config/parse-yaml.ts`), and several times as long on a
 * busy machine. Later reloads wait for no longer than this.
 */
const taskMs = 20_000;
const maxHeapMiB = 512;
const owner = { keyId: 'configuration', signal: new AbortController().signal };

/**
 * Checks configurations for reloads on a thread; the main thread reads their files. To parse and check a file of 2,000
 * models takes 0.6 s, and one of 1 MiB takes seconds: on the event loop this would stop every stream.
 */
export function createConfigThread(files: ConfigFiles = diskFiles): ConfigThread {
  const thread: KillableThread<ThreadSources, LoadedConfig> = createKillableThread({
    start() {
      const { port1, port2 } = new MessageChannel();
      answerFileQuestions(port1, files);
      return startWorker(import.meta.url, 'config-worker', { maxOldGenerationSizeMb: maxHeapMiB }, port2);
    },
    taskMs,
    idleMs: 30_000,
  });

  return {
    async load(sources) {
      const outcome = await thread.run(sources, owner);
      if (outcome.type !== 'done') return unread(outcome);
      const loaded = outcome.answer;
      // The answer of a thread is a copy, and copies are not frozen.
      return loaded.ok ? { ...loaded, config: freeze(loaded.config) } : loaded;
    },
    close: thread.close,
  };
}

function unread(outcome: Exclude<ThreadOutcome<LoadedConfig>, { readonly type: 'done' }>): LoadedConfig {
  const message =
    outcome.type === 'late'
      ? `it could not be checked within ${outcome.limitMs / 1_000} s`
      : `it could not be checked: the thread that checks it ${outcome.type === 'died' ? 'died' : `is ${outcome.type}`}`;
  return { ok: false, problems: [{ source: 'the configuration', path: '', message }] };
}
