import type { FinishReason } from '@tailrace/protocol';
import { causeOfBug } from '../../domain/cause.ts';
import { type Failure, failure } from '../../domain/failure.ts';
import type { GenerationEvent } from '../between/protocol.ts';
import type { AnswerPiece } from './answer-piece.ts';
import type { Reading } from './answer-reader.ts';
import type { Job } from './job.ts';
import type { LoadedModel, Sampled, Sequence } from './model.ts';
import { createPromptReading } from './prompt-reading.ts';
import { createSlots } from './slots.ts';
import { openTask, type Task } from './task.ts';
import { beginWriting, writeTokens } from './token-writing.ts';
import { createTurns } from './turns.ts';
import { createWaitingLine } from './waiting-line.ts';

/**
 * Continuous batching over a fixed number of sequences.
 *
 *     waiting ──admit──▶ reading ──prompt read──▶ writing ──▶ ended
 *                           └───────────abort────────┴──────────▲
 *
 * One round is: a token for every sequence that writes, in one batch (`token-writing.ts`); then one slice of one
 * prompt (`prompt-reading.ts`). Writing and reading are never mixed in a batch, which costs nothing (llama.cpp
 * cuts a mixed batch apart anyway) and makes a prompt's state independent of its neighbours.
 *
 * A job with several choices is as many tasks. The first reads the prompt. The others wait for it, pass the queue
 * (`waiting-line.ts`) and copy its state, as every prompt does whose beginning is in the state of a sequence.
 */
export interface Scheduler {
  /** Queues a job; `emit` gets its events, `taken` first and `ended` last. */
  submit(job: Job): void;
  /** Frees the places of a job at once, or at the end of a running computation. Ignores unknown ids. */
  abort(id: number): void;
}

export interface SchedulerOptions {
  readonly model: Pick<
    LoadedModel,
    'sequences' | 'bytesOf' | 'controls' | 'endsAnswer' | 'readingRate' | 'largestSlice'
  >;
  /** Called with all events of one step. */
  emit(events: readonly GenerationEvent[]): void;
  /** Called after each computation, as a sign of life. */
  beat(): void;
  /** Monotonic milliseconds. */
  readonly now: () => number;
}

/** The interval of signs of life from a stream that samples tokens without text. */
const signOfLifeMs = 1000;

export function createScheduler(options: SchedulerOptions): Scheduler {
  const { model, now } = options;
  const line = createWaitingLine();
  /** The number of choices that have not ended, by job. */
  const open = new Map<number, number>();
  const slots = createSlots<Sequence, Task>(model.sequences);
  const reading = createPromptReading({
    slots,
    now,
    readingRate: model.readingRate,
    largestSlice: model.largestSlice,
  });
  const turns = createTurns(now);
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
        await writeRound();
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
    for (let part = line.next(); part !== undefined; part = line.next()) {
      const { job, choice } = part;
      const slot = slots.choose(job.tokens, job.sampling.repeatable);
      if (slot === undefined) return;
      line.take(part);
      slot.task = openTask(part, slot, model, now());
      if (choice === 0) say({ type: 'taken', id: job.id });
    }
  }

  async function writeRound(): Promise<void> {
    const all = tasks();
    const writing = all.filter((task) => task.writing !== undefined);
    const writers = turns.whose(writing, writing.length < all.length);
    if (writers.length === 0) return;
    for (const written of await writeTokens(writers)) {
      const { task, sampled } = written;
      task.busy = false;
      if (sampled === undefined) breakOff(task, brokenOff(written.reason));
      else if (task.aborted) release(task);
      else takeToken(task, sampled);
    }
  }

  function takeToken(task: Task, chosen: Sampled): void {
    const bearable = turns.took(task, chosen.tookMs ?? 0);
    if (!bearable && task.job.shape.type !== 'text') {
      breakOff(task, tooSlow(task.job));
      return;
    }
    task.sampled++;
    const sampled = endsTooSoon(task, chosen) ? closeThoughts(task) : chosen;
    if (model.endsAnswer(sampled.token)) {
      finish(task, 'stop');
      return;
    }
    let reading: Reading;
    try {
      reading = task.reader.push(task.texts.bytesOf(sampled.token), task.texts.logprobOf(sampled));
    } catch (reason) {
      breakOff(task, brokenOff(reason));
      return;
    }
    tell(task, reading.said);
    if (reading.stopped) finish(task, 'stop', false);
    else if (task.sampled >= task.job.maxTokens) finish(task, 'length');
    else if (reading.said.length === 0 && now() - task.spokeAt >= signOfLifeMs) {
      tell(task, [{ type: 'text', text: '', tokens: 0 }]);
    }
  }

  /** True where the model ends its turn inside thoughts, before the JSON or the call that the grammar requires. */
  function endsTooSoon({ job, reader, given }: Task, { token }: Sampled): boolean {
    return model.endsAnswer(token) && reader.owes() && job.closing.length > 0 && given.length === 0;
  }

  /** Replaces the token that would have ended the answer: closes the thoughts, and the grammar applies. */
  function closeThoughts(task: Task): Sampled {
    const [token = task.pending, ...given] = task.job.closing;
    task.writing?.instead(token);
    task.pending = token;
    task.given = given;
    return { token };
  }

  function tell(task: Task, said: readonly AnswerPiece[]): void {
    if (said.length > 0) task.spokeAt = now();
    for (const piece of said) say({ ...piece, id: task.job.id, choice: task.choice });
  }

  function finish(task: Task, why: 'stop' | 'length', flushed = true): void {
    let stopped = why === 'stop';
    if (flushed) {
      try {
        const rest = task.reader.flush();
        tell(task, rest.said);
        stopped ||= rest.stopped;
      } catch (reason) {
        breakOff(task, brokenOff(reason));
        return;
      }
    }
    if (stopped && task.reader.owes()) {
      breakOff(task, owing());
      return;
    }
    const ended = task.reader.calls() > 0 ? 'tool_calls' : 'stop';
    const reason: FinishReason = stopped ? ended : 'length';
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

  /** Prompts get slices in turn, so that a short one ends before a long one. */
  function nextReader(): Task | undefined {
    const readers = tasks().filter((task) => task.writing === undefined);
    const next = readers.find((task) => task.slot.index > lastReader) ?? readers[0];
    if (next !== undefined) lastReader = next.slot.index;
    return next;
  }

  async function readSlice(task: Task): Promise<void> {
    const { job } = task;
    const lonely = !tasks().some(({ writing }) => writing !== undefined);
    task.busy = true;
    let read: boolean;
    try {
      read = await reading.readSlice(task, lonely);
    } catch (reason) {
      breakOff(task, brokenOff(reason));
      return;
    } finally {
      task.busy = false;
    }
    if (task.aborted) {
      release(task);
      return;
    }
    if (!read) return;
    try {
      task.writing = beginWriting(task);
    } catch (reason) {
      breakOff(task, brokenOff(reason));
      return;
    }
    if (task.choice > 0) return;
    say({ type: 'started', id: job.id, promptTokens: job.tokens.length, cachedTokens: task.cachedTokens });
    line.addChoices(job);
  }

  /** Ends the request with a failure and drops the state of its sequence, which may be wrong. */
  function breakOff(task: Task, reason: Failure): void {
    const { job } = task;
    task.slot.tokens.length = 0;
    task.slot.canonical = 0;
    if (!task.aborted) say({ type: 'failed', id: job.id, failure: reason });
    release(task);
    // The request has failed, so its other choices end too.
    abortAll(job.id);
  }

  function release(task: Task): void {
    slots.free(task.slot);
    void task.writing?.end();
    close(task.job.id, task.choice === 0 && task.writing === undefined ? task.job.choices : 1);
  }

  /** Counts choices that have ended; the last one ends the job. */
  function close(id: number, choices: number): void {
    const left = (open.get(id) ?? 0) - choices;
    if (left > 0) open.set(id, left);
    else if (open.delete(id)) say({ type: 'ended', id });
  }

  function abortAll(id: number): void {
    const waiting = line.drop(id);
    if (waiting > 0) close(id, waiting);
    for (const task of tasks()) {
      if (task.job.id !== id || task.aborted) continue;
      task.aborted = true;
      if (!task.busy) release(task);
    }
  }

  return {
    submit(job) {
      open.set(job.id, job.choices);
      line.add(job);
      void run();
    },
    abort(id) {
      abortAll(id);
      flush();
    },
  };
}

function brokenOff(reason: unknown): Failure {
  return failure('upstream_cut', 'The engine could not go on with this request.', {
    ...causeOfBug(reason),
    blameless: true,
  });
}

function tooSlow({ shape }: Job): Failure {
  const param = shape.type === 'calls' ? 'tools' : 'response_format';
  const message =
    `Following '${param}' takes this model too long, longer with every token: alternatives of the schema begin ` +
    'alike and nest. Tell them apart by their first property, or send a simpler schema.';
  return failure('invalid_value', message, { param });
}

/** The failure of an answer without the JSON or the call that was requested. */
function owing(): Failure {
  const message = 'The model ended its answer before the JSON or the call that was asked for.';
  return failure('upstream_protocol', message, { blameless: true });
}
