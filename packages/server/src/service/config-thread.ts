import { MessageChannel } from 'node:worker_threads';
import { type ConfigFiles, diskFiles } from '../config/config-files.ts';
import { type ConfigSources, freeze, type LoadedConfig } from '../config/load-config.ts';
import { createKillableThread, type KillableThread, type ThreadOutcome } from '../worker/killable-thread.ts';
import { startWorker } from '../worker/start-worker.ts';
import { answerFiles } from './files-port.ts';

/** What can be sent to a thread; it asks for files by a port. */
export type ThreadSources = Omit<ConfigSources, 'files' | 'machine'>;

export interface ConfigThread {
  /** `loadConfig`, beside the event loop. Never rejects. */
  load(sources: ThreadSources): Promise<LoadedConfig>;
  close(): Promise<void>;
}

/**
 * A file of 1 MiB takes up to 5 s of parsing and checking, whatever its shape (`config/parse-yaml.ts`); a busy machine
 * takes several times as long. Later reloads wait for so long at most.
 */
const taskMs = 20_000;
const maxHeapMiB = 512;
const owner = { keyId: 'configuration', signal: new AbortController().signal };

/**
 * Checks configurations for reloads; the main thread reads their files. A file of 2,000 models takes 0.6 s to parse and
 * to check, and one of 1 MiB seconds: on the event loop every stream would stand still for so long.
 */
export function createConfigThread(files: ConfigFiles = diskFiles): ConfigThread {
  const thread: KillableThread<ThreadSources, LoadedConfig> = createKillableThread({
    start() {
      const { port1, port2 } = new MessageChannel();
      answerFiles(port1, files);
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
      // What crosses a thread is a copy, and a copy is not frozen.
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
