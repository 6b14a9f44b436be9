import { jsonText } from '@tailrace/protocol';
import { assertNever } from '../../domain/assert-never.ts';
import { type ChatRequest, type Message, partsOf } from '../../domain/chat-request.ts';
import type { EventBatch, StreamEvent } from '../../domain/stream-event.ts';
import { createSurrogateJoiner, type SurrogateJoiner } from '../../domain/surrogate-joiner.ts';
import type { Usage } from '../../domain/usage.ts';
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

const deltaTypes = { text: 'text-delta', reasoning: 'reasoning-delta', refusal: 'refusal-delta' } as const;

/** One choice of the answer. A script may cut a character in two, so each kind of text has a joiner. */
interface PlayedChoice {
  readonly index: number;
  readonly joiners: Readonly<Record<TextKind, SurrogateJoiner>>;
  textBegun: boolean;
  calls: number;
  finished: boolean;
}

function createPlayedChoice(index: number): PlayedChoice {
  const joiners = {
    text: createSurrogateJoiner(),
    reasoning: createSurrogateJoiner(),
    refusal: createSurrogateJoiner(),
  };
  return { index, joiners, textBegun: false, calls: 0, finished: false };
}

/** The event for a text; none for an empty text, and none for reasoning after text. */
function textEvents(choice: PlayedChoice, kind: TextKind, text: string): StreamEvent[] {
  if (text === '' || (kind === 'reasoning' && choice.textBegun)) return [];
  choice.textBegun ||= kind === 'text';
  return [{ type: deltaTypes[kind], choice: choice.index, json: jsonText(text) }];
}

/** The events for halves of characters whose other half has not come. */
function flushTexts(choice: PlayedChoice, kinds: readonly TextKind[]): StreamEvent[] {
  return kinds.flatMap((kind) => textEvents(choice, kind, choice.joiners[kind].flush()));
}

function createState(request: ChatRequest, completionId: string) {
  const choices = Array.from({ length: request.n }, (_, index) => createPlayedChoice(index));
  let ended = false;
  let usageGiven = false;
  let characters = 0;
  let reasoningCharacters = 0;

  function chosen(only: number | undefined) {
    return choices.filter((choice) => !choice.finished && (only === undefined || choice.index === only));
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
    called: () => choices.some((choice) => choice.calls > 0),
    usage,
    withholdUsage() {
      usageGiven = true;
    },

    *text(kind: TextKind, deltas: Iterable<string>, only: number | undefined): Generator<EventBatch> {
      for (const delta of deltas) {
        const batch: StreamEvent[] = [];
        for (const choice of chosen(only)) {
          if (kind === 'text') batch.push(...flushTexts(choice, ['reasoning']));
          batch.push(...textEvents(choice, kind, choice.joiners[kind].take(delta)));
          if (kind === 'reasoning') reasoningCharacters += delta.length;
          else characters += delta.length;
        }
        yield batch;
      }
    },

    *call(step: Extract<Step, { do: 'tool_call' }>): Generator<EventBatch> {
      const callers = chosen(step.choice).map((choice) => {
        choice.calls += 1;
        return { choice: choice.index, index: choice.calls - 1 };
      });
      yield callers.map(({ choice, index }): StreamEvent => {
        // Some providers refuse ids over 40 characters, and a client may send this one to any of them in its next turn.
        const id = step.id ?? `call_${completionId.slice(-20)}_${choice}_${index}`;
        return { type: 'tool-call-start', choice, index, id, name: step.name };
      });
      const joiner = createSurrogateJoiner();
      const delta = (text: string): EventBatch =>
        text === ''
          ? []
          : callers.map(
              (caller): StreamEvent => ({ type: 'tool-call-delta', ...caller, json: jsonText(text) }),
            );
      for (const piece of step.argumentPieces) {
        characters += piece.length * callers.length;
        yield delta(joiner.take(piece));
      }
      yield delta(joiner.flush());
      // A call without arguments has an empty object of them.
      if (step.argumentPieces.every((piece) => piece === '')) yield delta('{}');
    },

    finish(only: number | undefined, reason: Extract<Step, { do: 'finish' }>['reason']): StreamEvent[] {
      const finishing = chosen(only);
      for (const choice of finishing) choice.finished = true;
      ended = choices.every((choice) => choice.finished);
      const left = finishing.flatMap((choice) => flushTexts(choice, ['reasoning', 'text', 'refusal']));
      const finishes = finishing.map(
        ({ index, calls }): StreamEvent => ({
          type: 'finish',
          choice: index,
          reason: reason === 'stop' && calls > 0 ? 'tool_calls' : reason,
        }),
      );
      return [...left, ...(ended && !usageGiven ? usage(estimate()) : []), ...finishes];
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
