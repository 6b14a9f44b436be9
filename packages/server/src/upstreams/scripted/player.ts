import { assertNever } from '../../domain/assert-never.ts';
import { type ChatRequest, type Message, partsOf } from '../../domain/chat-request.ts';
import { generatedCallId } from '../../domain/generated-call-id.ts';
import type { EventBatch, StreamEvent } from '../../domain/stream-event.ts';
import type { Usage } from '../../domain/usage.ts';
import { type ChoiceWriter, createChoiceWriter } from '../choice-writer.ts';
import { cut, type Step, type TextKind } from './script.ts';

/** The next action of a script: it emits a batch, pauses, or stays silent until it is aborted. */
export type Move =
  | { readonly do: 'emit'; readonly batch: EventBatch }
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'hang' };

/**
 * Plays the steps of an answer, lazily and without a clock. Each delta is a batch of its own, as if it came in a read of its
 * own; `together` makes one batch of several.
 *
 * Where the steps end without a finish, a failure or `end_without_finish`, a finish is added, `stop` or `tool_calls`. Where the
 * script has no usage, an estimate comes before the last finish.
 */
export function* play(steps: readonly Step[], request: ChatRequest, completionId: string): Generator<Move> {
  const state = createState(request, completionId);
  yield* playAll(steps, state);
  if (!state.ended) yield* emit(state.finish(undefined, state.called() ? 'tool_calls' : 'stop'));
}

/** More than one read of a socket holds. Without a bound one `repeat` inside `together` would fill the memory. */
const maxBatchEvents = 10_000;

type State = ReturnType<typeof createState>;

function* emit(batch: EventBatch): Generator<Move> {
  if (batch.length > 0) yield { do: 'emit', batch };
}

function* paced(batches: Iterable<EventBatch>, everyMs: number): Generator<Move> {
  for (const batch of batches) {
    if (everyMs > 0) yield { do: 'wait', ms: everyMs };
    yield* emit(batch);
  }
}

function* playAll(steps: readonly Step[], state: State): Generator<Move> {
  for (const step of steps) {
    yield* playStep(step, state);
    if (state.ended) return;
  }
}

function* playStep(step: Step, state: State): Generator<Move> {
  switch (step.do) {
    case 'start':
      yield* emit([
        { type: 'start', ...(step.fingerprint === undefined ? {} : { fingerprint: step.fingerprint }) },
      ]);
      return;
    case 'text':
    case 'reasoning':
    case 'refusal':
      yield* paced(state.text(step.do, step.deltas, step.choice), step.everyMs);
      return;
    case 'echo':
      yield* paced(
        state.text('text', cut(lastUserText(state.request.messages), step.chunk), step.choice),
        step.everyMs,
      );
      return;
    case 'other':
      yield* paced(state.other(step), step.everyMs);
      return;
    case 'tool_call':
      yield* paced(state.call(step), step.everyMs);
      return;
    case 'wait':
      yield { do: 'wait', ms: step.ms };
      return;
    case 'usage':
      if (step.usage === undefined) state.withholdUsage();
      else yield* emit(state.usage(step.usage));
      return;
    case 'finish':
      yield* emit(state.finish(step.choice, step.reason));
      return;
    case 'fail':
      state.end();
      yield* emit([{ type: 'failed', failure: step.failure }]);
      return;
    case 'hang':
      state.end();
      yield { do: 'hang' };
      return;
    case 'repeat':
      for (let time = 0; time < step.times && !state.ended; time += 1) {
        let moved = false;
        for (const move of playAll(step.steps, state)) {
          moved = true;
          yield move;
        }
        // A round without moves changes nothing; a million of them would block the event loop.
        if (!moved) return;
      }
      return;
    case 'together': {
      // Pauses inside are dropped: a batch is one read.
      let batch: StreamEvent[] = [];
      for (const move of playAll(step.steps, state)) {
        if (move.do === 'emit') for (const event of move.batch) batch.push(event);
        if (batch.length < maxBatchEvents) continue;
        yield* emit(batch);
        batch = [];
      }
      yield* emit(batch);
      return;
    }
    case 'event':
      yield* emit([step.event]);
      return;
    case 'throw':
      throw new Error(step.message);
    case 'end_without_finish':
      state.end();
      return;
    default:
      assertNever(step);
  }
}

interface PlayedChoice {
  readonly index: number;
  readonly writer: ChoiceWriter;
  finished: boolean;
}

function createState(request: ChatRequest, completionId: string) {
  let batch: StreamEvent[] = [];
  const choices = Array.from({ length: request.n }, (_, index): PlayedChoice => {
    const writer = createChoiceWriter({ choice: index }, { emit: (event) => void batch.push(event) });
    return { index, writer, finished: false };
  });
  let ended = false;
  let usageGiven = false;
  let characters = 0;
  let reasoningCharacters = 0;

  function chosen(only: number | undefined) {
    return choices.filter((choice) => !choice.finished && (only === undefined || choice.index === only));
  }

  function takeBatch(): EventBatch {
    const taken = batch;
    batch = [];
    return taken;
  }

  function usage(given: Usage): StreamEvent[] {
    usageGiven = true;
    return [{ type: 'usage', usage: given }];
  }

  function estimate(): Usage {
    const reasoningTokens = tokens(reasoningCharacters);
    return {
      promptTokens: Math.max(
        1,
        tokens(request.messages.reduce((sum, message) => sum + messageText(message).length, 0)),
      ),
      completionTokens: Math.max(1, tokens(characters) + reasoningTokens),
      ...(reasoningTokens === 0 ? {} : { reasoningTokens }),
      estimated: true,
    };
  }

  return {
    request,
    get ended() {
      return ended;
    },
    end() {
      ended = true;
    },
    called: () => choices.some(({ writer }) => writer.calls > 0),
    usage,
    withholdUsage() {
      usageGiven = true;
    },

    *text(kind: TextKind, deltas: Iterable<string>, only: number | undefined): Generator<EventBatch> {
      for (const delta of deltas) {
        for (const { writer } of chosen(only)) {
          writer[kind](delta);
          if (kind === 'reasoning') reasoningCharacters += delta.length;
          else characters += delta.length;
        }
        yield takeBatch();
      }
    },

    *other(step: Extract<Step, { do: 'other' }>): Generator<EventBatch> {
      for (const { writer } of chosen(step.choice)) writer.other(step.field, step.value);
      yield takeBatch();
    },

    *call(step: Extract<Step, { do: 'tool_call' }>): Generator<EventBatch> {
      const callers = chosen(step.choice);
      for (const { index, writer } of callers) {
        const id = step.id ?? generatedCallId(completionId, index, writer.calls);
        writer.startCall({ id, name: step.name });
      }
      yield takeBatch();
      for (const piece of step.argumentPieces) {
        characters += piece.length * callers.length;
        for (const { writer } of callers) writer.arguments(piece);
        yield takeBatch();
      }
    },

    finish(only: number | undefined, reason: Extract<Step, { do: 'finish' }>['reason']): EventBatch {
      const finishing = chosen(only);
      const finishes = finishing.map((choice): StreamEvent => {
        choice.finished = true;
        const finished = choice.writer.finish(reason);
        // Arguments that are not JSON are a fault that a script may play: the finish stays, and the server finds the fault.
        const given = 'reason' in finished ? finished.reason : reason;
        return { type: 'finish', choice: choice.index, reason: given };
      });
      ended = choices.every((choice) => choice.finished);
      const counts = ended && !usageGiven ? usage(estimate()) : [];
      return [...takeBatch(), ...counts, ...finishes];
    },
  };
}

/** An estimate with four characters for a token, as in English. */
function tokens(characters: number): number {
  return Math.ceil(characters / 4);
}

/** The text of a message, without refusals, images and audio. */
export function messageText(message: Message | undefined): string {
  if (message === undefined) return '';
  return partsOf(message)
    .map((part) => (part.type === 'text' ? part.text : ''))
    .join('');
}

function lastUserText(messages: readonly Message[]): string {
  return messageText(messages.findLast((message) => message.role === 'user'));
}
