import { createKeyQueue } from '../../domain/key-queue.ts';
import type { Job, Part } from './job.ts';

/**
 * The choices that wait for a place. Keys take turns. Other choices of a prompt that has been read come first, because
 * the state with which they begin exists now.
 */
export interface WaitingLine {
  add(job: Job): void;
  /** Adds the other choices of a job whose prompt is read. */
  addChoices(job: Job): void;
  /** The choice whose turn it is; it stays in the queue. */
  next(): Part | undefined;
  /** Removes a choice that {@link next} returned: it has a place now. */
  take(part: Part): void;
  /** Removes all choices of a job; returns their number. */
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
