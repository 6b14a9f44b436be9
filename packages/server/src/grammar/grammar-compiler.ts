import { type Failure, failure, type Result } from '../domain/failure.ts';
import { createKeyCache } from '../domain/key-cache.ts';
import {
  createKillableThread,
  type KillableThread,
  type KillableThreadOptions,
  type TaskOwner,
} from '../worker/killable-thread.ts';
import { createSharedWork } from '../worker/shared-work.ts';
import { startWorker } from '../worker/start-worker.ts';
import { resultOf, type TaskFailures } from '../worker/task-result.ts';
import type { ThreadBudget } from '../worker/thread-time.ts';
import { type CompileJob, runJob } from './compile/compile-job.ts';
import { type CompiledGrammar, tooLarge } from './compile/compile-schema.ts';
import { createGrammarCache } from './compile/grammar-cache.ts';
import { defaultLimits, type GrammarLimits } from './rules/limits.ts';

export { type CompiledGrammar, compileJsonObject } from './compile/compile-schema.ts';

/**
 * The compiler as the server uses it. Jobs that were compiled before are answered at once; small ones are compiled in
 * place, in a few milliseconds; the others on a thread of their own, because one may take seconds.
 */
export interface GrammarCompiler {
  /**
   * Fails as `compileSchema` and `compileToolCalls` do; where the thread compiles, also with `overloaded` (too many
   * jobs of the key wait, its jobs took too much time lately, or this one took too long), `internal_error` (the thread
   * died) and `draining` (the compiler is closed, or the owner's signal aborted before the job's turn came). The time
   * of the thread is charged to the owner's key. A job that runs there is ended by its time limit only.
   */
  compile(job: CompileJob, owner: TaskOwner): Result<CompiledGrammar> | Promise<Result<CompiledGrammar>>;
  /** Ends the thread, where there is one; jobs on it fail with `draining`. */
  close(): Promise<void>;
}

export type CompileThread = KillableThread<CompileJob, Result<CompiledGrammar>>;

/** A compilation within all limits takes about 2 s at most. */
const compileMs = 10_000;
/**
 * Ten of the worst schemas that the limits allow, and one more every eight seconds. Grammars are kept, so an
 * application uses up its budget only with many new schemas.
 */
const budget: ThreadBudget = { freeMs: 250, burstMs: 20_000, refill: 0.25 };
/** Chains of rules are followed by recursion; the deepest that the limits allow needs a few megabytes of stack. */
const stackSizeMb = 32;

/** The first job starts the thread. The caller closes it. `options` are for tests. */
export function createCompileThread(
  options: Partial<KillableThreadOptions<CompileJob, Result<CompiledGrammar>>> = {},
): CompileThread {
  return createKillableThread({
    start: () =>
      startWorker(import.meta.url, 'compile/compile-worker', { stackSizeMb, maxOldGenerationSizeMb: 512 }),
    taskMs: compileMs,
    budget,
    ...options,
  });
}

const compileFailures: TaskFailures = {
  late: () =>
    failure(
      'overloaded',
      'The schema took too long to compile: this machine is too busy, or the schema too large.',
      { retryAfterMs: 1_000, blameless: true },
    ),
  died: (why) =>
    failure('internal_error', 'The schema could not be compiled.', {
      detail: 'the thread that compiles schemas died',
      wording: why,
      blameless: true,
    }),
  full: 'Too many schemas of this key wait to be compiled. Try again in a moment.',
  unserved: 'This schema could not be compiled in time. Try again in a moment.',
  spent: (seconds) =>
    'The schemas of this key took too much time to compile lately. ' +
    `Try again in ${seconds} s, or send a simpler schema.`,
  dropped: 'The request was given up before its schema was compiled.',
  closed: 'The local engine is shutting down.',
};

/** An agent sends the same tools with every turn: they are compiled once. */
const grammarsKept = 320;
const largeKept = 1_024;
/** A job with more characters is not tried in place. */
const smallJob = 8_192;
/**
 * Limits of compiling in place: some 15 ms on a slow core. A job that fails here, by one of these limits or because
 * its schema is wrong, is compiled again on the thread, whose failure counts.
 */
const inPlace: Partial<GrammarLimits> = {
  maxNodes: 500,
  maxVisits: 500,
  maxWork: 1_000,
  maxRules: 300,
  maxBytes: 32_768,
  maxDerivations: 32,
  maxLeftmostWalks: 1_000,
  maxSteps: 400,
};

export function createGrammarCompiler(thread: CompileThread = createCompileThread()): GrammarCompiler {
  const cache = createGrammarCache(grammarsKept);
  /** Jobs that failed in place: they are not tried there again. */
  const large = createKeyCache<true>({ maxEntries: largeKept });
  const underWay = createSharedWork<Result<CompiledGrammar>>(isLasting);

  function inPlaceOf(name: string, job: CompileJob, keyId: string): Result<CompiledGrammar> | undefined {
    if (name.length > smallJob || large.get(keyId, name)) return undefined;
    const result = runJob(job, inPlace);
    if (result.ok) cache.set(keyId, name, result);
    else large.set(keyId, name, true);
    return result.ok ? result : undefined;
  }

  async function inThread(name: string, job: CompileJob, owner: TaskOwner): Promise<Result<CompiledGrammar>> {
    const result = resultOf(await thread.run(job, owner), compileFailures);
    const made = result.ok ? result.value : result;
    if (isLasting(made)) cache.set(owner.keyId, name, made);
    return made;
  }

  return {
    compile(job, owner) {
      // Before `JSON.stringify`: its recursion and its time are bounded by these limits.
      const size = sizeFailure(job);
      if (size !== undefined) return { ok: false, failure: size };
      const name = JSON.stringify(job);
      return (
        cache.get(owner.keyId, name) ??
        inPlaceOf(name, job, owner.keyId) ??
        underWay.ask(name, owner, (asker) => inThread(name, job, asker))
      );
    },
    close: () => thread.close(),
  };
}

/** Codes of failures that the same job may not have the next time. */
const transient: ReadonlySet<string> = new Set(['overloaded', 'internal_error', 'draining']);

function isLasting(result: Result<CompiledGrammar>): boolean {
  return result.ok || !transient.has(result.failure.code);
}

function sizeFailure(job: CompileJob): Failure | undefined {
  if (job.kind === 'schema') return tooLarge(job.schema, job.path, defaultLimits);
  for (const [index, { parameters = {} }] of job.tools.entries()) {
    const found = tooLarge(parameters, `tools[${index}].function.parameters`, defaultLimits);
    if (found !== undefined) return found;
  }
  return undefined;
}
