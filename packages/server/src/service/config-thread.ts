import { MessageChannel } from 'node:worker_threads';
import { type ConfigFiles, diskFiles } from '../config/config-files.ts';
import { freeze } from '../config/freeze.ts';
import type { ConfigSources, LoadedConfig } from '../config/load-config.ts';
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
/** For several reloads in a row. */
const idleMs = 30_000;
const owner = { keyId: 'configuration', signal: new AbortController().signal };

/**
 * Checks configurations on a thread; the main thread reads their files. To parse and check a file of 2,000 models takes
 * 0.6 s, and one of 1 MiB takes seconds: on the event loop a reload would stop every stream. And what only this work needs
 * (the schema, zod, the parser of YAML) is not loaded into the process that serves, where it would stay: some 9 MB.
 */
export function createConfigThread(files: ConfigFiles = diskFiles): ConfigThread {
  const thread: KillableThread<ThreadSources, LoadedConfig> = createKillableThread({
    start() {
      const { port1, port2 } = new MessageChannel();
      answerFileQuestions(port1, files);
      return startWorker(import.meta.url, 'config-worker', { maxOldGenerationSizeMb: maxHeapMiB }, port2);
    },
    taskMs,
    idleMs,
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

/** One load for the start of a server; the thread has ended when this resolves, so its memory is free for what follows. */
export async function loadForStart(sources: ThreadSources): Promise<LoadedConfig> {
  const thread = createConfigThread();
  try {
    return await thread.load(sources);
  } finally {
    await thread.close();
  }
}

function unread(outcome: Exclude<ThreadOutcome<LoadedConfig>, { readonly type: 'done' }>): LoadedConfig {
  const message =
    outcome.type === 'late'
      ? `it could not be checked within ${outcome.limitMs / 1_000} s`
      : `it could not be checked: the thread that checks it ${outcome.type === 'died' ? 'died' : `is ${outcome.type}`}`;
  return { ok: false, problems: [{ source: 'the configuration', path: '', message }] };
}
