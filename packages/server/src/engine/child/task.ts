import { mayCall } from '../between/protocol.ts';
import { type AnswerReader, createAnswerReader } from './answer-reader.ts';
import type { Job, Part } from './job.ts';
import type { LoadedModel, Sequence, Writing } from './model.ts';
import type { Slot } from './slots.ts';
import { createTokenTexts, type TokenTexts } from './token-texts.ts';

/** One choice of a job, in a place of its own. */
export interface Task {
  readonly job: Job;
  readonly choice: number;
  readonly slot: Slot<Sequence, Task>;
  readonly reader: AnswerReader;
  readonly texts: TokenTexts;
  /** Defined once the prompt is read. */
  writing: Writing | undefined;
  /** True once the useful state of the sequence is kept and the rest dropped. */
  prepared: boolean;
  cachedTokens: number;
  sampled: number;
  /** The last sampled token, which is not computed yet; at first the last token of the prompt. */
  pending: number;
  /** Tokens that are written next, in place of sampled ones. */
  given: readonly number[];
  aborted: boolean;
  /** True while a computation with it runs. */
  busy: boolean;
  spokeAt: number;
}

/** `nowMs`: the present time. */
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
