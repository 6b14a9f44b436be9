import type { Job } from './job.ts';
import type { Sequence } from './model.ts';
import { commonPrefix, type Slots } from './slots.ts';
import type { Task } from './task.ts';

/**
 * Reads prompts, a slice at a time. What a sequence holds already of a prompt is kept, or taken over from another
 * one. Slices are sized by time, because nothing interrupts one: an abort is heard between two of them, and no
 * live stream waits longer than one for its token.
 */
export interface PromptReading {
  /**
   * Computes the next slice. True once the prompt is read, but for its last token, which the answer begins with.
   * `lonely`: nobody writes meanwhile. Rejects where the computation fails.
   */
  readSlice(task: Task, lonely: boolean): Promise<boolean>;
}

export interface PromptReadingOptions {
  readonly slots: Slots<Sequence, Task>;
  /** Tokens a millisecond, as far as is known; measured from then on. */
  readonly readingRate: number;
  /** Tokens a slice. */
  readonly largestSlice: number;
  /** Monotonic milliseconds. */
  readonly now: () => number;
}

/** How long a slice may take while others write, and while nobody does. */
const sliceMs = 50;
const lonelySliceMs = 70;
const smallestSlice = 8;
/** A state is copied where it saves at least so many tokens: about what the copy costs. */
const leastCopied = 16;

export function createPromptReading({ slots, now, ...options }: PromptReadingOptions): PromptReading {
  const { largestSlice } = options;
  let { readingRate } = options;

  /** Keeps what the sequence already holds of this prompt, or takes over what another one holds of it. */
  async function prepare(task: Task): Promise<void> {
    const { job, slot } = task;
    const { repeatable } = job.sampling;
    const own = commonPrefix(slot.tokens, job.tokens);
    const usable = keepable(job, repeatable ? Math.min(own, slot.canonical) : own);
    const donor = slots.donor(job.tokens, repeatable, usable + leastCopied - 1);
    let kept: number;
    if (donor === undefined || donor.slot === slot) {
      kept = Math.min(await slot.sequence.keep(usable), usable);
      slot.canonical = Math.min(slot.canonical, kept);
    } else {
      const wanted = keepable(job, donor.length);
      kept = Math.min(await slot.sequence.copy(donor.slot.sequence, wanted), wanted);
      slot.tokens.splice(0, slot.tokens.length, ...donor.slot.tokens.slice(0, kept));
      slot.canonical = Math.min(donor.slot.canonical, kept);
    }
    slot.tokens.length = kept;
    task.cachedTokens = kept;
    task.prepared = true;
  }

  async function readOn(task: Task, lonely: boolean): Promise<void> {
    const { job, slot } = task;
    const from = slot.tokens.length;
    const sliced = slicedLength(job);
    if (from >= sliced) {
      await readSingly(task);
      return;
    }
    const slice = job.tokens.slice(from, from + sliceLength(sliced - from, lonely));
    const begun = now();
    await slot.sequence.read(slice);
    if (slice.length >= smallestSlice) measure(slice.length, now() - begun);
    for (const token of slice) slot.tokens.push(token);
    if (slot.canonical === from) slot.canonical = slot.tokens.length;
  }

  /** One token after the other, as many as the time for a slice allows. */
  async function readSingly(task: Task): Promise<void> {
    const { job, slot } = task;
    const begun = now();
    do {
      const token = job.tokens[slot.tokens.length];
      if (token === undefined) return;
      await slot.sequence.read([token]);
      slot.tokens.push(token);
    } while (!task.aborted && !isRead(task) && now() - begun < sliceMs);
  }

  /** As many tokens as the time for a slice allows, never leaving a single one for the next slice. */
  function sliceLength(left: number, lonely: boolean): number {
    const fitting = Math.floor(readingRate * (lonely ? lonelySliceMs : sliceMs));
    const length = Math.min(Math.max(fitting, smallestSlice), largestSlice, left);
    if (left - length !== 1) return length;
    return length < largestSlice ? length + 1 : length - 1;
  }

  function measure(tokens: number, elapsedMs: number): void {
    readingRate = 0.7 * readingRate + 0.3 * (tokens / Math.max(elapsedMs, 0.01));
  }

  return {
    async readSlice(task, lonely) {
      if (!task.prepared) await prepare(task);
      if (!task.aborted && !isRead(task)) await readOn(task, lonely);
      return isRead(task);
    },
  };
}

function isRead({ job, slot }: Task): boolean {
  return slot.tokens.length >= job.tokens.length - 1;
}

/** How much of a state that holds so many of a prompt's tokens is of use: the last one is computed always. */
function keepable(job: Job, held: number): number {
  const last = slicedLength(job);
  const length = Math.min(held, last);
  // A lone token is computed by other kernels than a slice, and rounds differently.
  return job.sampling.repeatable && last - length === 1 && length > 0 ? length - 1 : length;
}

/**
 * How much of a prompt is read in slices: all but its last token, which is computed as it is when an answer
 * is written. So are the tokens of an answer that goes on from a prefix, where its text is to be the one
 * that would have been written: slices round differently, which turned every third continuation of the
 * default model at temperature 0 into another text.
 */
function slicedLength(job: Job): number {
  return job.tokens.length - 1 - (job.sampling.repeatable ? job.prefixTokens : 0);
}
