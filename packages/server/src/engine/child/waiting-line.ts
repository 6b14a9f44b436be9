import { createKeyQueue } from '../../domain/key-queue.ts';
import type { Job, Part } from './job.ts';

/**
 * What waits for a place. Keys take turns; further choices of a prompt that has been read go before everybody,
 * for the state they begin with is there now.
 */
export interface WaitingLine {
  add(job: Job): void;
  /** The other choices of a job whose prompt is read. */
  addChoices(job: Job): void;
  /** Whose turn it is, left where it is. */
  next(): Part | undefined;
  /** Takes out what {@link next} gave: it has a place now. */
  take(part: Part): void;
  /** Takes out all that waits of a job. Returns how many of its choices that were. */
  drop(id: number): number;
}

export function createWaitingLine(): WaitingLine {
  const queue = createKeyQueue<Part>();
  let choices: Part[] = [];
  return {
    add: (job) => queue.push({ job, choice: 0, keyId: job.keyId }),
    addChoices(job) {
      for (let choice = 1; choice < job.choices; choice++) choices.push({ job, choice, keyId: job.keyId });
    },
    next: () => choices[0] ?? queue.peek(),
    take(part) {
      if (choices[0] === part) choices.shift();
      else queue.serve(part);
    },
    drop(id) {
      const waiting = queue.find((part) => part.job.id === id);
      const whole = waiting !== undefined && queue.remove(waiting) ? waiting.job.choices : 0;
      const before = choices.length;
      choices = choices.filter((part) => part.job.id !== id);
      return whole + before - choices.length;
    },
  };
}
