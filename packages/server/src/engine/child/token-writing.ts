import { isConstrained, mayCall } from '../between/protocol.ts';
import { choiceSeed } from '../between/seeds.ts';
import type { Sampled, Writing } from './model.ts';
import type { Task } from './task.ts';

/** Begins the answer of a task whose prompt is read. Throws where its grammar is invalid. */
export function beginWriting({ job, choice, slot, pending }: Task): Writing {
  const { shape, syntax } = job;
  return slot.sequence.write(pending, {
    sampling: { ...job.sampling, seed: choiceSeed(job.sampling.seed, choice) },
    history: job.prefixTokens > 0 ? job.tokens.slice(-job.prefixTokens) : [],
    maxTokens: job.maxTokens,
    ...(job.topLogprobs === undefined ? {} : { topLogprobs: job.topLogprobs }),
    // A grammar does not apply to thoughts: it begins behind them.
    ...(isConstrained(shape) && job.opened === undefined ? { grammar: shape.gbnf } : {}),
    markers: mayCall(shape) ? [syntax.open, syntax.close, syntax.between] : [],
  });
}

export type Written =
  | { readonly task: Task; readonly sampled: Sampled }
  /** The computation of this task failed; the others did not. */
  | { readonly task: Task; readonly sampled: undefined; readonly reason: unknown };

async function next(task: Task): Promise<Sampled | undefined> {
  const [given, ...later] = task.given;
  task.given = later;
  return task.writing?.next(given);
}

/**
 * Samples one token for each task, in one batch. Never rejects. The tasks stay busy: the caller takes their tokens one
 * after the other and sets each task free in its turn, so that a task that ends with another is released once.
 */
export async function writeTokens(writers: readonly Task[]): Promise<readonly Written[]> {
  for (const task of writers) task.busy = true;
  const outcomes = await Promise.allSettled(writers.map(next));
  // No `await` from here on: no abort can come between the tokens of two tasks.
  return writers.map((task, index): Written => {
    const outcome = outcomes[index];
    if (outcome?.status !== 'fulfilled' || outcome.value === undefined) {
      return {
        task,
        sampled: undefined,
        reason: outcome?.status === 'rejected' ? outcome.reason : 'no token',
      };
    }
    task.slot.tokens.push(task.pending);
    task.pending = outcome.value.token;
    return { task, sampled: outcome.value };
  });
}
