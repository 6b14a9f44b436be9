import { failure, type Result } from '../domain/failure.ts';
import { createKillableThread } from '../worker/killable-thread.ts';
import { startProcess } from '../worker/start-process.ts';
import { resultOf } from '../worker/task-result.ts';

/** A stretch of a page that fits a question. */
export interface FoundPassage {
  readonly slug: string;
  /** Of the heading above it; empty before the first one. */
  readonly anchor: string;
  /** Of the page. */
  readonly title: string;
  readonly headings: readonly string[];
  /** Markdown. */
  readonly text: string;
  /** Only where it was asked for. */
  readonly html?: string;
  readonly score: number;
}

export interface FindTask {
  /** Files of the build: the module that ranks, and the passages. */
  readonly finder: string;
  readonly passages: string;
  /** The passages as HTML; undefined where nobody wants them so. */
  readonly passagesHtml: string | undefined;
  readonly question: string;
  readonly goal: string | undefined;
  readonly most: number;
}

/** Finds passages. `asker`: the address of the client; each has its turns. */
export type FindPassages = (
  task: FindTask,
  asker: { readonly keyId: string; readonly signal: AbortSignal },
) => Promise<Result<readonly FoundPassage[]>>;

/**
 * Finds passages in a process of its own. Its index is made with the first question, within a quarter of a second, and the process ends
 * after half a minute without questions: anybody may ask, no stream waits for it, and what it took is given back.
 */
export function createPassageFinder(): FindPassages {
  const thread = createKillableThread<FindTask, readonly FoundPassage[]>({
    start: () => startProcess(import.meta.url, 'finder-process', 96),
    taskMs: 5_000,
    waitMs: 10_000,
    queue: 64,
    idleMs: 30_000,
  });
  return async (task, asker) => resultOf(await thread.run(task, asker), failures);
}

const failures = {
  late: () =>
    failure('overloaded', 'The search in the docs took too long; try again.', { retryAfterMs: 1_000 }),
  died: (why: string) => failure('internal_error', 'The search in the docs has failed.', { wording: why }),
  full: 'Too many questions wait for the docs; try again.',
  unserved: 'Too many questions wait for the docs; try again.',
  spent: () => 'Too many questions wait for the docs; try again.',
  dropped: 'The client has left.',
  closed: 'The server is stopping.',
};
