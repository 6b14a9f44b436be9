import type { FinishReason } from '@tailrace/protocol';
import { failure } from '../../domain/failure.ts';
import type { AnswerShape, GenerationEvent, Sampling } from '../protocol.ts';
import { choiceSeed } from '../sampling.ts';
import type { ToolSyntax } from '../tool-syntax.ts';
import { type AnswerReader, createAnswerReader, type Reading, type Said } from './answer-reader.ts';
import { createKeyQueue } from './key-queue.ts';
import type { LoadedModel, Sampled, Sequence, Writing } from './model.ts';
import type { ReasoningTags } from './reasoning-split.ts';
import { commonPrefix, createSlots, type Slot } from './slots.ts';
import { createTokenTexts, type TokenTexts } from './token-texts.ts';

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
 *
 * A job with several choices is as many tasks. The first reads the prompt; the others wait for that, go before
 * the queue, and take its state over, as any prompt does that begins like a state which some sequence holds.
 */
export interface Scheduler {
  /** Queues a job; its events go to `emit`, `taken` first and `ended` last. */
  submit(job: Job): void;
  /** Frees the job's place at once, or when the computation it is part of returns. Unknown ids are ignored. */
  abort(id: number): void;
}

export interface Job {
  readonly id: number;
  readonly keyId: string;
  readonly tokens: readonly number[];
  /** How many of them, at the end, are the beginning of the answer. */
  readonly prefixTokens: number;
  readonly sampling: Sampling;
  /** Tokens to sample at most for each choice, at least 1; prompt and answer fit the context together. */
  readonly maxTokens: number;
  readonly stop: readonly string[];
  readonly choices: number;
  readonly topLogprobs?: number;
  readonly shape: AnswerShape;
  readonly syntax: ToolSyntax;
  readonly tags: readonly ReasoningTags[];
  readonly opened: ReasoningTags | undefined;
}

export interface SchedulerOptions {
  readonly model: Pick<LoadedModel, 'sequences' | 'bytesOf' | 'controls' | 'endsAnswer' | 'readingRate'>;
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
/** A state is copied where it saves at least so many tokens: about what the copy costs. */
const leastCopied = 16;
/** A stream that samples tokens without text says so this often. */
const signOfLifeMs = 1000;

/** One choice of a job. */
interface Part {
  readonly job: Job;
  readonly choice: number;
  readonly keyId: string;
}

interface Task {
  readonly job: Job;
  readonly choice: number;
  readonly slot: Slot<Sequence, Task>;
  readonly reader: AnswerReader;
  readonly texts: TokenTexts;
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
  const queue = createKeyQueue<Part>();
  /** Further choices of prompts that have been read. */
  const siblings: Part[] = [];
  /** Choices of each job that have not ended. */
  const open = new Map<number, number>();
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
    for (let part = nextPart(); part !== undefined; part = nextPart()) {
      const { job, choice } = part;
      const slot = slots.choose(job.tokens, job.sampling.repeatable);
      if (slot === undefined) return;
      if (siblings[0] === part) siblings.shift();
      else queue.serve(part);
      slot.task = openTask(part, slot);
      if (choice === 0) say({ type: 'taken', id: job.id });
    }
  }

  function nextPart(): Part | undefined {
    return siblings[0] ?? queue.peek();
  }

  function openTask({ job, choice }: Part, slot: Slot<Sequence, Task>): Task {
    const task: Task = {
      job,
      choice,
      slot,
      texts: createTokenTexts(model, [
        ...job.tags.flatMap((tags) => [tags.open, tags.close]),
        ...(job.shape.type === 'calls' ? [job.syntax.marker, job.syntax.close] : []),
      ]),
      reader: createAnswerReader({
        shape: job.shape,
        syntax: job.syntax,
        tags: job.tags,
        opened: job.opened,
        stop: job.stop,
        continued: job.prefixTokens > 0,
        constrain: (written) =>
          job.shape.type !== 'text' && task.writing?.constrain(job.shape.gbnf, written) === true,
      }),
      writing: undefined,
      prepared: false,
      cachedTokens: 0,
      sampled: 0,
      pending: job.tokens.at(-1) ?? 0,
      aborted: false,
      busy: false,
      spokeAt: now(),
    };
    return task;
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
      task.pending = outcome.value.token;
      if (task.aborted) release(task);
      else takeToken(task, outcome.value);
    }
  }

  function takeToken(task: Task, sampled: Sampled): void {
    task.sampled++;
    if (model.endsAnswer(sampled.token)) {
      finish(task, 'stop');
      return;
    }
    let reading: Reading;
    try {
      reading = task.reader.push(task.texts.bytesOf(sampled.token), task.texts.logprobOf(sampled));
    } catch (reason) {
      breakOff(task, reason);
      return;
    }
    tell(task, reading.said);
    if (reading.stopped) finish(task, 'stop', false);
    else if (task.sampled >= task.job.maxTokens) finish(task, 'length');
    else if (reading.said.length === 0 && now() - task.spokeAt >= signOfLifeMs) {
      tell(task, [{ type: 'text', text: '', tokens: 0 }]);
    }
  }

  function tell(task: Task, said: readonly Said[]): void {
    if (said.length > 0) task.spokeAt = now();
    for (const piece of said) say({ ...piece, id: task.job.id, choice: task.choice });
  }

  function finish(task: Task, why: 'stop' | 'length', flushed = true): void {
    if (flushed) {
      try {
        tell(task, task.reader.flush());
      } catch (reason) {
        breakOff(task, reason);
        return;
      }
    }
    const reason: FinishReason = why === 'stop' && task.reader.calls() > 0 ? 'tool_calls' : why;
    say({
      type: 'finished',
      id: task.job.id,
      choice: task.choice,
      reason,
      completionTokens: task.sampled,
      reasoningTokens: task.reader.reasoningTokens(),
    });
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
      breakOff(task, reason);
      return;
    } finally {
      task.busy = false;
    }
    if (task.aborted) {
      release(task);
      return;
    }
    if (slot.tokens.length < job.tokens.length - 1) return;
    try {
      task.writing = openWriting(task);
    } catch (reason) {
      breakOff(task, reason);
      return;
    }
    if (task.choice > 0) return;
    say({ type: 'started', id: job.id, promptTokens: job.tokens.length, cachedTokens: task.cachedTokens });
    for (let choice = 1; choice < job.choices; choice++) siblings.push({ job, choice, keyId: job.keyId });
  }

  function openWriting({ job, choice, slot, pending }: Task): Writing {
    const { shape } = job;
    const ruled = shape.type === 'grammar' || (shape.type === 'calls' && shape.forced);
    return slot.sequence.write(pending, {
      sampling: { ...job.sampling, seed: choiceSeed(job.sampling.seed, choice) },
      history: job.prefixTokens > 0 ? job.tokens.slice(-job.prefixTokens) : [],
      maxTokens: job.maxTokens,
      ...(job.topLogprobs === undefined ? {} : { topLogprobs: job.topLogprobs }),
      // Thoughts are not ruled: there the grammar sets in behind them.
      ...(ruled && job.opened === undefined ? { grammar: shape.gbnf } : {}),
      markers: shape.type === 'calls' ? [job.syntax.open, job.syntax.close, job.syntax.between] : [],
    });
  }

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

  /** How much of a state that holds so many of a prompt's tokens is of use: the last one is computed always. */
  function keepable(job: Job, held: number): number {
    const last = slicedLength(job);
    const length = Math.min(held, last);
    // A lone token is computed by other kernels than a slice, and rounds differently.
    return job.sampling.repeatable && last - length === 1 && length > 0 ? length - 1 : length;
  }

  async function readOn(task: Task): Promise<void> {
    const { job, slot } = task;
    const from = slot.tokens.length;
    const sliced = slicedLength(job);
    if (from >= sliced) {
      await readSingly(task);
      return;
    }
    const slice = job.tokens.slice(from, from + sliceLength(sliced - from));
    const begun = now();
    await slot.sequence.read(slice);
    if (slice.length >= smallestSlice) measure(slice.length, now() - begun);
    for (const token of slice) slot.tokens.push(token);
    if (slot.canonical === from) slot.canonical = slot.tokens.length;
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

  /** One token after the other, as many as the time for a slice allows. */
  async function readSingly(task: Task): Promise<void> {
    const { job, slot } = task;
    const begun = now();
    do {
      const token = job.tokens[slot.tokens.length];
      if (token === undefined) return;
      await slot.sequence.read([token]);
      slot.tokens.push(token);
    } while (!task.aborted && slot.tokens.length < job.tokens.length - 1 && now() - begun < sliceMs);
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
    const { job } = task;
    const detail = reason instanceof Error ? reason.message : String(reason);
    task.slot.tokens.length = 0;
    task.slot.canonical = 0;
    const message = 'The engine could not go on with this request.';
    if (!task.aborted)
      say({
        type: 'failed',
        id: job.id,
        failure: failure('upstream_cut', message, { detail, blameless: true }),
      });
    release(task);
    // The other choices fall with this one: the request has failed.
    abortAll(job.id);
  }

  function release(task: Task): void {
    slots.free(task.slot);
    void task.writing?.end();
    close(task.job.id, task.choice === 0 && task.writing === undefined ? task.job.choices : 1);
  }

  /** So many choices of a job are over; the last one ends it. */
  function close(id: number, choices: number): void {
    const left = (open.get(id) ?? 0) - choices;
    if (left > 0) open.set(id, left);
    else if (open.delete(id)) say({ type: 'ended', id });
  }

  function abortAll(id: number): void {
    const waiting = queue.find((part) => part.job.id === id);
    if (waiting !== undefined && queue.remove(waiting)) close(id, waiting.job.choices);
    for (let index = siblings.length - 1; index >= 0; index--) {
      if (siblings[index]?.job.id !== id) continue;
      siblings.splice(index, 1);
      close(id, 1);
    }
    for (const task of tasks()) {
      if (task.job.id !== id || task.aborted) continue;
      task.aborted = true;
      if (!task.busy) release(task);
    }
  }

  return {
    submit(job) {
      open.set(job.id, job.choices);
      queue.push({ job, choice: 0, keyId: job.keyId });
      void run();
    },
    abort(id) {
      abortAll(id);
      flush();
    },
  };
}
