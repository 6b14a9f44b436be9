import type { Job } from './job.ts';
import type { Sequence } from './model.ts';
import { commonPrefix, type Slots } from './slots.ts';
import type { Task } from './task.ts';

/**
 * Reads prompts slice by slice. A prefix whose state the sequence already has is kept, or copied from another sequence.
 * The length of a slice is chosen by time, because nothing interrupts it: an abort takes effect between two slices, and
 * a stream waits for its next token no longer than one slice.
 */
export interface PromptReading {
  /**
   * Computes the next slice. True once the prompt is read, except its last token, with which writing begins.
   * `lonely`: no task writes. Rejects where the computation fails.
   */
  readSlice(task: Task, lonely: boolean): Promise<boolean>;
}

export interface PromptReadingOptions {
  readonly slots: Slots<Sequence, Task>;
  /** The first estimate in tokens a millisecond; it is corrected by measurement. */
  readonly readingRate: number;
  /** The most tokens of a slice. */
  readonly largestSlice: number;
  /** Monotonic milliseconds. */
  readonly now: () => number;
}

/** The time of a slice while tasks write, and while none does. */
const sliceMs = 50;
const lonelySliceMs = 70;
const smallestSlice = 8;
/** State is copied only where it saves at least so many tokens: a copy costs about as much. */
const leastCopied = 16;

export function createPromptReading({ slots, now, ...options }: PromptReadingOptions): PromptReading {
  const { largestSlice } = options;
  let { readingRate } = options;

  /** Keeps the state that the sequence has of this prompt, or copies that of another sequence. */
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

  /** Reads tokens one by one, as many as the time of a slice allows. */
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

  /** As many tokens as the time of a slice allows; never leaves a single one for the next slice. */
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

/** The usable length of a state with `held` tokens of the prompt: the last token is always computed. */
function keepable(job: Job, held: number): number {
  const last = slicedLength(job);
  const length = Math.min(held, last);
  // A single token is computed by other kernels than a slice and rounds differently.
  return job.sampling.repeatable && last - length === 1 && length > 0 ? length - 1 : length;
}

/**
 * The tokens of a prompt that are read in slices: all but the last, which is computed like a written token. Where a
 * repeatable answer continues a prefix, the tokens of the prefix are computed like written tokens too. Slices round
 * differently: with them every third continuation of the default model at temperature 0 was another text.
 */
function slicedLength(job: Job): number {
  return job.tokens.length - 1 - (job.sampling.repeatable ? job.prefixTokens : 0);
}
