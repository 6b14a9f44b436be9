import type { Failure, Result } from '../../domain/failure.ts';
import { type CompileJob, runJob } from './compile-job.ts';
import { type CompiledGrammar, tooLarge } from './compile-schema.ts';
import { type CompileThread, createCompileThread } from './compile-thread.ts';
import { createGrammarCache } from './grammar-cache.ts';
import { defaultLimits, type GrammarLimits } from './limits.ts';

/**
 * The compiler as the server uses it. What is known is answered at once; what is small is compiled in place, in a few
 * milliseconds; the rest goes to a thread of its own, for it may take a second.
 */
export interface GrammarCompiler {
  /** Failures as of the compiler and of {@link CompileThread}. */
  compile(job: CompileJob, signal: AbortSignal): Result<CompiledGrammar> | Promise<Result<CompiledGrammar>>;
  /** Ends the thread, where there is one; what waits fails with `draining`. */
  close(): Promise<void>;
}

/** An agent sends the same tools with every turn: what is compiled once is compiled for all of them. */
const grammarsKept = 320;
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
  const underWay = new Map<
    string,
    { readonly signals: AbortSignal[]; readonly result: Promise<Result<CompiledGrammar>> }
  >();

  /** One computation for all who ask for the same, as long as one of them is still there. */
  function inThread(key: string, job: CompileJob, signal: AbortSignal): Promise<Result<CompiledGrammar>> {
    const signals = [signal];
    const result = thread
      .run(job, () => signals.some(({ aborted }) => !aborted))
      .then((made) => {
        if (made.ok || !transient.has(made.failure.code)) cache.set(key, made);
        return made;
      })
      .finally(() => underWay.delete(key));
    underWay.set(key, { signals, result });
    return result;
  }

  return {
    compile(job, signal) {
      // Counted before anything is written of it.
      const size = sizeFailure(job);
      if (size !== undefined) return { ok: false, failure: size };
      const key = JSON.stringify(job);
      const known = cache.get(key);
      if (known !== undefined) return known;
      const before = underWay.get(key);
      if (before !== undefined) {
        before.signals.push(signal);
        return before.result;
      }
      if (key.length <= smallJob) {
        const result = runJob(job, inPlace);
        if (result.ok) {
          cache.set(key, result);
          return result;
        }
      }
      return inThread(key, job, signal);
    },
    close: () => thread.close(),
  };
}

/** What may be otherwise the next time. */
const transient: ReadonlySet<string> = new Set(['overloaded', 'internal_error', 'draining']);

function sizeFailure(job: CompileJob): Failure | undefined {
  if (job.kind === 'schema') return tooLarge(job.schema, job.path, defaultLimits);
  for (const [index, { parameters }] of job.tools.entries()) {
    const found = tooLarge(parameters, `tools[${index}].function.parameters`, defaultLimits);
    if (found !== undefined) return found;
  }
  return undefined;
}
