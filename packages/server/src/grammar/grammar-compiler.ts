import type { Failure, Result } from '../domain/failure.ts';
import { createKeyCache } from '../domain/key-cache.ts';
import type { TaskOwner } from '../worker/killable-thread.ts';
import { createSharedWork } from '../worker/shared-work.ts';
import { type CompileJob, runJob } from './compile/compile-job.ts';
import { type CompiledGrammar, tooLarge } from './compile/compile-schema.ts';
import { type CompileThread, createCompileThread } from './compile/compile-thread.ts';
import { createGrammarCache } from './compile/grammar-cache.ts';
import { defaultLimits, type GrammarLimits } from './rules/limits.ts';

export { type CompiledGrammar, compileJsonObject } from './compile/compile-schema.ts';

/**
 * The compiler as the server uses it. What is known is answered at once; what is small is compiled in place, in a few
 * milliseconds; the rest goes to a thread of its own, for it may take a second.
 */
export interface GrammarCompiler {
  /** Failures as of the compiler and of {@link CompileThread}. What the thread has to do is on the owner's account. */
  compile(job: CompileJob, owner: TaskOwner): Result<CompiledGrammar> | Promise<Result<CompiledGrammar>>;
  /** Ends the thread, where there is one; what waits fails with `draining`. */
  close(): Promise<void>;
}

/** An agent sends the same tools with every turn: what is compiled once is compiled for all of them. */
const grammarsKept = 320;
const largeKept = 1_024;
/** Characters of a job that is tried in place at all. */
const smallJob = 8_192;
/**
 * What in-place compiling may cost: some 15 ms on a slow core. Whatever fails by these, by any of them or for good,
 * is the thread's to judge.
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
  /** Jobs that were not done in place, so that they need not be tried there again. */
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
    const made = await thread.run(job, owner);
    if (isLasting(made)) cache.set(owner.keyId, name, made);
    return made;
  }

  return {
    compile(job, owner) {
      // Counted before anything is written of it.
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

/** What may be otherwise the next time. */
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
