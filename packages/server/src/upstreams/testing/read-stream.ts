import type { FinishReason } from '@tailrace/protocol';
import { pullOnce } from '../../domain/batches.ts';
import { failure, ok } from '../../domain/failure.ts';
import type { StreamEvent } from '../../domain/stream-event.ts';
import { createMessageDialect } from '../anthropic/stream.ts';
import { createContentDialect } from '../gemini/stream.ts';
import { openAnswerStream } from '../http/answer/answer-stream.ts';
import type { Dialect, DialectOutput } from '../http/answer/dialect.ts';
import { fakeBody } from '../openai/fake-answer.ts';
import { presets } from '../openai/presets.ts';
import { createChatDialect } from '../openai/stream.ts';
import { type AnswerOutput, outputOf } from './answer-output.ts';
import type { DialectName, MutableStream } from './mutable-stream.ts';

/** After so many milliseconds without an event the answer counts as stalled, as routing would end it. */
const stallMs = 25;

/** The finish reasons of all presets: a fixture is read with those of its own. */
const finishReasons: Readonly<Record<string, FinishReason>> = Object.assign(
  {},
  ...Object.values(presets).map((preset) => preset.finishReasons),
);

/** Reads an answer that comes in these pieces, with the adapter's own reader, from the request to the end. */
export async function readStream(
  dialect: DialectName,
  choices: number,
  pieces: readonly Buffer[],
  more: Partial<Pick<MutableStream, 'status' | 'contentType' | 'end'>>,
): Promise<{ readonly events: readonly StreamEvent[]; readonly output: AnswerOutput }> {
  const { status = 200, contentType = 'text/event-stream', end = 'ends' } = more;
  const events: StreamEvent[] = [];
  const stop = new AbortController();
  const headers = contentType === '' ? {} : { 'content-type': contentType };
  const answer = openAnswerStream(
    {
      transport: { post: async () => ok({ status, headers, body: fakeBody(pieces, end) }) },
      maxEventBytes: 1024 * 1024,
      finishWaitMs: 1,
      repeatedFinishWaitMs: 1,
      request: () => ok({ path: '/', headers: {}, body: '' }),
      refused: () => failure('upstream_refused', 'The answer was refused.'),
      dialect: (output) => dialectOf(dialect, choices, output),
    },
    stop.signal,
  );
  try {
    for (;;) {
      const read = end === 'stays open' ? await orStall(pullOnce(answer)) : await pullOnce(answer);
      if (read === 'stalled')
        events.push({ type: 'failed', failure: failure('stall_timeout', 'It stalled.') });
      if (read === 'stalled' || read.done === true) break;
      events.push(...read.value);
    }
  } finally {
    stop.abort();
    await answer.close();
  }
  return { events, output: outputOf(events, choices) };
}

function dialectOf(name: DialectName, choices: number, output: DialectOutput): Dialect {
  const completionId = 'chatcmpl-7';
  const errors = () => ({ hidden: [], nowMs: 0 });
  switch (name) {
    case 'openai':
      return createChatDialect({ choices, completionId, finishReasons, errors }, output);
    case 'anthropic':
      return createMessageDialect({ completionId, errors }, output);
    case 'gemini':
      return createContentDialect({ choices, parallelToolCalls: true, completionId, errors }, output);
  }
}

async function orStall<T>(read: Promise<T>): Promise<T | 'stalled'> {
  let timer: NodeJS.Timeout | undefined;
  const stalled = new Promise<'stalled'>((resolve) => {
    timer = setTimeout(resolve, stallMs, 'stalled');
  });
  try {
    return await Promise.race([read, stalled]);
  } finally {
    clearTimeout(timer);
  }
}
