import { mayCall } from '../between/protocol.ts';
import { type AnswerReader, createAnswerReader } from './answer-reader.ts';
import type { Job, Part } from './job.ts';
import type { LoadedModel, Sequence, Writing } from './model.ts';
import type { Slot } from './slots.ts';
import { createTokenTexts, type TokenTexts } from './token-texts.ts';

/** One choice of a job that has a place. */
export interface Task {
  readonly job: Job;
  readonly choice: number;
  readonly slot: Slot<Sequence, Task>;
  readonly reader: AnswerReader;
  readonly texts: TokenTexts;
  /** Set once the prompt is read. */
  writing: Writing | undefined;
  /** What the sequence held of the prompt is kept, and the rest dropped. */
  prepared: boolean;
  cachedTokens: number;
  sampled: number;
  /** The token sampled last, not computed yet; the prompt's last one at first. */
  pending: number;
  /** Tokens that are written next in the model's place. */
  given: readonly number[];
  aborted: boolean;
  /** In a computation that has not returned. */
  busy: boolean;
  spokeAt: number;
}

/** `nowMs` is when it is opened. */
export function openTask(
  { job, choice }: Part,
  slot: Slot<Sequence, Task>,
  model: Pick<LoadedModel, 'bytesOf' | 'controls'>,
  nowMs: number,
): Task {
  const { shape, syntax, tags } = job;
  const task: Task = {
    job,
    choice,
    slot,
    texts: createTokenTexts(model, [
      ...tags.flatMap(({ open, close }) => [open, close]),
      ...(mayCall(shape) ? [syntax.marker, syntax.close] : []),
    ]),
    reader: createAnswerReader({
      shape,
      syntax,
      tags,
      opened: job.opened,
      stop: job.stop,
      continued: job.prefixTokens > 0,
      constrain: (written) => shape.type !== 'text' && task.writing?.constrain(shape.gbnf, written) === true,
    }),
    writing: undefined,
    prepared: false,
    cachedTokens: 0,
    sampled: 0,
    pending: job.tokens.at(-1) ?? 0,
    given: [],
    aborted: false,
    busy: false,
    spokeAt: nowMs,
  };
  return task;
}
