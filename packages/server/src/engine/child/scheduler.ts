import type { FinishReason } from '@tailrace/protocol';
import { failure } from '../../domain/failure.ts';
import type { GenerationEvent, Sampling } from '../protocol.ts';
import type { LoadedModel, Sequence, Writing } from './model.ts';
import { commonPrefix, createSlots, type Slot } from './slots.ts';
import { createTextStream, type TextStream } from './text-stream.ts';

/**
 * Continuous batching over a fixed number of sequences.
 *
 *     waiting ──admit──▶ reading ──prompt read──▶ writing ──▶ ended
 *                           └───────────abort────────┴──────────▲
 *
 * One round is: a token for every sequence that writes, in one batch; then one slice of one prompt. Writing
 * and reading are never mixed in a batch, which costs nothing (llama.cpp cuts a mixed batch apart anyway) and
 * makes a prompt's state independent of its neighbours. Slices are sized by time, because nothing interrupts
 * one: an abort is heard between two computations, and no live stream waits longer than that for its token.
 */
export interface Scheduler {
  /** Queues a job; its events go to `emit`, `taken` first and `ended` last. */
  submit(job: Job): void;
  /** Frees the job's place at once, or when the computation it is part of returns. Unknown ids are ignored. */
  abort(id: number): void;
}

export interface Job {
  readonly id: number;
  readonly tokens: readonly number[];
  readonly sampling: Sampling;
  /** Tokens to sample at most, at least 1; prompt and answer fit the context together. */
  readonly maxTokens: number;
  readonly stop: readonly string[];
}

export interface SchedulerOptions {
  readonly model: Pick<LoadedModel, 'sequences' | 'bytesOf' | 'endsAnswer' | 'readingRate'>;
  /** Takes all events of one step. */
  emit(events: readonly GenerationEvent[]): void;
  /** Called after every computation: the engine lives. */
  beat(): void;
  /** Monotonic milliseconds. */
  readonly now: () => number;
}

/** How long a slice of prompt may take while others write, and while nobody does. */
const sliceMs = 50;
const lonelySliceMs = 70;
const smallestSlice = 8;
const largestSlice = 512;
/** A stream that samples tokens without text says so this often. */
const signOfLifeMs = 1000;

interface Task {
  readonly job: Job;
  readonly slot: Slot<Sequence, Task>;
  readonly text: TextStream;
  /** Set once the prompt is read. */
  writing: Writing | undefined;
  prepared: boolean;
  cachedTokens: number;
  sampled: number;
  /** The token sampled last, not computed yet; the prompt's last one at first. */
  pending: number;
  aborted: boolean;
  /** In a computation that has not returned. */
  busy: boolean;
  spokeAt: number;
}

export function createScheduler(options: SchedulerOptions): Scheduler {
  const { model, now } = options;
  const queue: Job[] = [];
  const slots = createSlots<Sequence, Task>(model.sequences);
  let readingRate = model.readingRate;
  let lastReader = -1;
  let running = false;
  let pendingEvents: GenerationEvent[] = [];

  function say(event: GenerationEvent): void {
    pendingEvents.push(event);
  }

  function flush(): void {
    if (pendingEvents.length === 0) return;
    const events = pendingEvents;
    pendingEvents = [];
    options.emit(events);
  }

  const tasks = (): Task[] => slots.all.flatMap((slot) => slot.task ?? []);

  async function run(): Promise<void> {
    if (running) return;
    running = true;
    try {
      for (admit(); tasks().length > 0; admit()) {
        flush();
        await writeTokens(tasks().filter((task) => task.writing !== undefined));
        flush();
        const reader = nextReader();
        if (reader !== undefined) await readSlice(reader);
        flush();
        options.beat();
      }
    } finally {
      running = false;
    }
  }

  function admit(): void {
    for (let job = queue[0]; job !== undefined; job = queue[0]) {
      const slot = slots.choose(job.tokens, job.sampling.repeatable);
      if (slot === undefined) return;
      queue.shift();
      slot.task = {
        job,
        slot,
        text: createTextStream(job.stop),
        writing: undefined,
        prepared: false,
        cachedTokens: 0,
        sampled: 0,
        pending: job.tokens.at(-1) ?? 0,
        aborted: false,
        busy: false,
        spokeAt: now(),
      };
      say({ type: 'taken', id: job.id });
    }
  }

  /** One token for each, in one batch. */
  async function writeTokens(writers: readonly Task[]): Promise<void> {
    if (writers.length === 0) return;
    for (const task of writers) task.busy = true;
    const outcomes = await Promise.allSettled(writers.map((task) => task.writing?.next()));
    // Nothing is awaited from here on: an abort can't come between one task's token and the next one's.
    for (const [index, task] of writers.entries()) {
      task.busy = false;
      const outcome = outcomes[index];
      if (outcome?.status !== 'fulfilled' || outcome.value === undefined) {
        breakOff(task, outcome?.status === 'rejected' ? outcome.reason : 'no token');
        continue;
      }
      task.slot.tokens.push(task.pending);
      task.pending = outcome.value;
      if (task.aborted) release(task);
      else takeToken(task, outcome.value);
    }
  }

  function takeToken(task: Task, token: number): void {
    task.sampled++;
    if (model.endsAnswer(token)) {
      finish(task, 'stop', task.text.flush());
      return;
    }
    const piece = task.text.push(model.bytesOf(token));
    if (piece.stopped) finish(task, 'stop', piece.text);
    else if (task.sampled >= task.job.maxTokens) finish(task, 'length', piece.text + task.text.flush());
    else if (piece.text !== '' || now() - task.spokeAt >= signOfLifeMs) {
      task.spokeAt = now();
      say({ type: 'text', id: task.job.id, choice: 0, text: piece.text });
    }
  }

  function finish(task: Task, reason: FinishReason, text: string): void {
    const { id } = task.job;
    if (text !== '') say({ type: 'text', id, choice: 0, text });
    say({ type: 'finished', id, choice: 0, reason, completionTokens: task.sampled });
    release(task);
  }

  /** Each prompt gets a slice in turn, so that a short one passes a long one. */
  function nextReader(): Task | undefined {
    const readers = tasks().filter((task) => task.writing === undefined);
    const next = readers.find((task) => task.slot.index > lastReader) ?? readers[0];
    if (next !== undefined) lastReader = next.slot.index;
    return next;
  }

  async function readSlice(task: Task): Promise<void> {
    const { job, slot } = task;
    task.busy = true;
    try {
      if (!task.prepared) await prepare(task);
      if (!task.aborted && slot.tokens.length < job.tokens.length - 1) await readOn(task);
    } catch (reason) {
      return breakOff(task, reason);
    } finally {
      task.busy = false;
    }
    if (task.aborted) return release(task);
    if (slot.tokens.length < job.tokens.length - 1) return;
    task.writing = slot.sequence.write(task.pending, job.sampling);
    say({ type: 'started', id: job.id, promptTokens: job.tokens.length, cachedTokens: task.cachedTokens });
  }

  /** Keeps what the sequence already holds of this prompt. */
  async function prepare(task: Task): Promise<void> {
    const { job, slot } = task;
    const last = job.tokens.length - 1;
    let keep = Math.min(commonPrefix(slot.tokens, job.tokens), last);
    if (job.sampling.repeatable) {
      keep = Math.min(keep, slot.canonical);
      // A lone token is computed by other kernels than a slice, and rounds differently.
      if (last - keep === 1 && keep > 0) keep--;
    }
    const kept = Math.min(await slot.sequence.keep(keep), keep);
    slot.tokens.length = kept;
    slot.canonical = Math.min(slot.canonical, kept);
    task.cachedTokens = kept;
    task.prepared = true;
  }

  async function readOn(task: Task): Promise<void> {
    const { job, slot } = task;
    const from = slot.tokens.length;
    const slice = job.tokens.slice(from, from + sliceLength(job.tokens.length - 1 - from));
    const begun = now();
    await slot.sequence.read(slice);
    if (slice.length >= smallestSlice) measure(slice.length, now() - begun);
    for (const token of slice) slot.tokens.push(token);
    if (slot.canonical === from) slot.canonical = slot.tokens.length;
  }

  /** As many tokens as the time for a slice allows, never leaving a single one for the next slice. */
  function sliceLength(left: number): number {
    const lonely = !tasks().some((task) => task.writing !== undefined);
    const fitting = Math.floor(readingRate * (lonely ? lonelySliceMs : sliceMs));
    const length = Math.min(Math.max(fitting, smallestSlice), largestSlice, left);
    return left - length === 1 ? length + 1 : length;
  }

  function measure(tokens: number, elapsedMs: number): void {
    readingRate = 0.7 * readingRate + 0.3 * (tokens / Math.max(elapsedMs, 0.01));
  }

  /** A computation failed: the request ends, and nothing of the sequence's state is trusted. */
  function breakOff(task: Task, reason: unknown): void {
    const detail = reason instanceof Error ? reason.message : String(reason);
    task.slot.tokens.length = 0;
    task.slot.canonical = 0;
    const message = 'The engine could not go on with this request.';
    if (!task.aborted) {
      say({ type: 'failed', id: task.job.id, failure: failure('upstream_cut', message, { detail }) });
    }
    release(task);
  }

  function release(task: Task): void {
    slots.free(task.slot);
    say({ type: 'ended', id: task.job.id });
    void task.writing?.end();
  }

  return {
    submit(job) {
      queue.push(job);
      void run();
    },
    abort(id) {
      const waiting = queue.findIndex((job) => job.id === id);
      if (waiting !== -1) {
        queue.splice(waiting, 1);
        say({ type: 'ended', id });
        return flush();
      }
      const task = tasks().find((candidate) => candidate.job.id === id);
      if (task === undefined || task.aborted) return;
      task.aborted = true;
      if (task.busy) return;
      release(task);
      flush();
    },
  };
}
