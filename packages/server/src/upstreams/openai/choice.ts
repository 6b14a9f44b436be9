import { type FinishReason, jsonText, type TokenLogprobWire } from '@tailrace/protocol';
import { type Failure, failure } from '../../domain/failure.ts';
import type { JsonObject } from '../../domain/json.ts';
import { createReasoningSplit, type ReasoningSplit } from '../../domain/reasoning-split.ts';
import type { StreamEvent } from '../../domain/stream-event.ts';
import { createSurrogateJoiner } from '../../domain/surrogate-joiner.ts';
import { maxSlice, slicesOf } from '../../domain/text-slices.ts';
import { nameOf } from '../../telemetry/wording.ts';
import type { AnswerBudget } from '../http/answer/answer-budget.ts';
import type { ChunkChoice } from './chunk.ts';
import { createReasoningDetails } from './reasoning-details.ts';
import { createToolCalls } from './tool-calls.ts';

const commonReasons = new Map<string, FinishReason>(
  Object.entries({
    stop: 'stop',
    length: 'length',
    tool_calls: 'tool_calls',
    content_filter: 'content_filter',
    // Which servers and engines say so, whoever stands in front of them (contract, section 7).
    eos: 'stop',
    eos_token: 'stop',
    stop_sequence: 'stop',
    end_turn: 'stop',
    model_length: 'length',
    max_tokens: 'length',
  } as const),
);

export interface Choice {
  /**
   * Emits the deltas of a chunk. After the finish everything is dropped. `tokens`: how many tokens the chunk
   * is, where it tells. Returns why the answer is torn here, or undefined.
   */
  add(chunk: ChunkChoice, tokens?: number): Failure | undefined;
  /** Set by the chunk that finished it; deltas are all emitted by then. */
  readonly finished: { readonly reason: FinishReason; readonly extra?: JsonObject } | undefined;
  /** Nothing is held back and nothing has ended: a plain delta may be emitted from outside. */
  readonly plain: boolean;
}

export interface ChoiceOptions {
  readonly choice: number;
  /** For the ids of calls that came without. */
  readonly idBase: string;
  readonly finishReasons: Readonly<Record<string, FinishReason>>;
  /** The beginning of the answer that this upstream says once more, and that must not be said twice. */
  readonly echo?: string;
  /** The beginning of the answer was delivered before: a tag that comes now is text. */
  readonly continues?: boolean;
  /** Of the answer as a whole. */
  readonly budget: AnswerBudget;
}

/** Other tags are a template's own, and whoever runs the template tells the thoughts apart itself. */
const thinkTags = [{ open: '<think>', close: '</think>' }];

/** Entries that wait for the decision whether text is thoughts; where so many say nothing of it, it is none. */
const maxOwedLogprobs = 256;

export function createChoice(options: ChoiceOptions, emit: (event: StreamEvent) => void): Choice {
  const { choice } = options;
  const text = createSurrogateJoiner();
  const reasoning = createSurrogateJoiner();
  const refusal = createSurrogateJoiner();
  const calls = createToolCalls(options, emit);
  const ownReasons = new Map(Object.entries(options.finishReasons));
  const details = createReasoningDetails(options.budget);
  let echoLeft = options.echo ?? '';
  let finished: Choice['finished'];
  /** Until it is decided whether the answer begins with thoughts in tags; from then on nobody asks. */
  let split: ReasoningSplit | undefined =
    options.continues === true ? undefined : createReasoningSplit(thinkTags, undefined);
  /** What came with text that the split holds back. */
  let owed: Told | undefined;
  /** Reasoning comes before the text (contract, section 3): what an upstream thinks later is not shown. */
  let textBegun = options.continues === true;

  function say(type: 'reasoning-delta' | 'refusal-delta', said: string): void {
    if (type === 'reasoning-delta' && textBegun) return;
    if (said.length <= maxSlice) {
      if (said !== '') emit({ type, choice, json: jsonText(said) });
      return;
    }
    for (const slice of slicesOf(said)) emit({ type, choice, json: jsonText(slice) });
  }

  function sayTold(type: 'text-delta' | 'reasoning-delta', said: string, told: Told): void {
    if (said.length > maxSlice) {
      sayInSlices(type, said, told);
      return;
    }
    if (type === 'text-delta') textBegun ||= said !== '' || told.logprobs !== undefined;
    else if (textBegun) return;
    const { logprobs, tokens = 1 } = told;
    const json = jsonText(said);
    // One token a delta is what most send, and what nobody need say.
    const counted = tokens === 1 ? undefined : { tokens };
    if (logprobs !== undefined) emit({ type, choice, json, ...counted, logprobs });
    else if (said !== '') emit({ type, choice, json, ...counted });
  }

  /** A whole answer's text: what is told of it, its first slice tells. */
  function sayInSlices(type: 'text-delta' | 'reasoning-delta', said: string, told: Told): void {
    let left = told;
    for (const slice of slicesOf(said)) {
      sayTold(type, slice, left);
      left = told.tokens === undefined ? {} : { tokens: 0 };
    }
  }

  /** Text of which some may be thoughts. Log probabilities of thoughts are left out: no field is for them. */
  function sayApart(splitter: ReasoningSplit, said: string, told: Told): void {
    const parts = splitter.push(said);
    const all = joined(owed, told);
    const both = parts.reasoning !== '' && parts.text !== '';
    if (parts.reasoning !== '') sayTold('reasoning-delta', parts.reasoning, countOf(both ? owed : all));
    if (parts.text !== '') sayTold('text-delta', parts.text, both ? told : all);
    owed = parts.reasoning !== '' || parts.text !== '' ? undefined : all;
    if ((owed?.logprobs?.length ?? 0) > maxOwedLogprobs) {
      endSplit();
      return;
    }
    if (splitter.phase() !== 'opening' && owed !== undefined) owed = countOf(owed);
    if (splitter.done()) split = undefined;
  }

  /** What is held will not be decided any more: something else has come, or the end. */
  function endSplit(beforeThoughts = false): void {
    const parts = split?.flush();
    split = undefined;
    if (parts === undefined) return;
    if (parts.reasoning !== '') sayTold('reasoning-delta', parts.reasoning, countOf(owed));
    // White space in front of thoughts belongs to neither side.
    const isNothing = beforeThoughts && parts.text.trim() === '';
    const says = parts.text !== '' || owed?.logprobs !== undefined;
    if (says && !isNothing) sayTold('text-delta', parts.text, owed ?? {});
    owed = undefined;
  }

  function sayText(chunk: ChunkChoice, tokens: number | undefined): Failure | undefined {
    let said = text.take(chunk.text);
    if (echoLeft !== '' && said !== '') {
      const echoed = Math.min(echoLeft.length, said.length);
      if (said.slice(0, echoed) !== echoLeft.slice(0, echoed)) {
        return torn('upstream_protocol', 'the answer does not begin as it was told to');
      }
      echoLeft = echoLeft.slice(echoed);
      said = said.slice(echoed);
    }
    const told = toldOf(chunk, tokens);
    if (split === undefined) sayTold('text-delta', said, told);
    else sayApart(split, said, told);
    return undefined;
  }

  function finish(said: string): Failure | undefined {
    const mapped = ownReasons.get(said) ?? commonReasons.get(said);
    if (mapped === undefined) return torn('upstream_cut', `the finish reason ${nameOf(said)}`);
    say('reasoning-delta', reasoning.flush());
    const half = text.flush();
    if (split === undefined) sayTold('text-delta', half, {});
    else if (half !== '') sayApart(split, half, {});
    endSplit();
    say('refusal-delta', refusal.flush());
    const wrong = calls.finish(mapped === 'length');
    if (wrong !== undefined) return wrong;
    if (echoLeft !== '' && mapped !== 'length') {
      return torn('upstream_protocol', 'the answer ended inside the beginning it was given');
    }
    const called = calls.count > 0;
    const reason =
      mapped === 'stop' && called ? 'tool_calls' : mapped === 'tool_calls' && !called ? 'stop' : mapped;
    const kept = details.all();
    finished = {
      reason,
      ...(kept.length === 0 ? {} : { extra: { openrouter: { reasoning_details: kept } } }),
    };
    return undefined;
  }

  return {
    add(chunk, tokens) {
      if (finished !== undefined) return undefined;
      const tooMuch = details.add(chunk.details);
      if (tooMuch !== undefined) return tooMuch;
      const saysElse = chunk.reasoning !== '' || chunk.refusal !== '' || chunk.calls.length > 0;
      // An upstream that tells its thoughts apart itself has no tags around them.
      if (split !== undefined && chunk.reasoning !== '') endSplit(true);
      if (chunk.reasoning !== '') say('reasoning-delta', reasoning.take(chunk.reasoning));
      if (chunk.text !== '' || chunk.logprobs !== undefined) {
        say('reasoning-delta', reasoning.flush());
        const wrong = sayText(chunk, saysElse ? undefined : tokens);
        if (wrong !== undefined) return wrong;
      }
      if (split !== undefined && saysElse) endSplit();
      if (chunk.refusal !== '') say('refusal-delta', refusal.take(chunk.refusal));
      for (const piece of chunk.calls) {
        const wrong = calls.add(piece);
        if (wrong !== undefined) return wrong;
      }
      return chunk.finish === undefined ? undefined : finish(chunk.finish);
    },
    get finished() {
      return finished;
    },
    get plain() {
      return (
        split === undefined &&
        finished === undefined &&
        echoLeft === '' &&
        !text.holding &&
        !reasoning.holding
      );
    },
  };
}

/** `why` is for the log. */
function torn(code: 'upstream_protocol' | 'upstream_cut', why: string): Failure {
  return failure(code, 'The upstream broke off its answer.', { detail: why });
}

/** What a chunk says of its text, besides the text. */
interface Told {
  readonly tokens?: number;
  readonly logprobs?: readonly TokenLogprobWire[];
}

const untold: Told = {};

function toldOf({ logprobs }: ChunkChoice, counted: number | undefined): Told {
  const tokens = counted ?? logprobs?.length;
  if (tokens === undefined) return untold;
  return logprobs === undefined ? { tokens } : { tokens, logprobs };
}

function joined(first: Told | undefined, second: Told): Told {
  if (first === undefined) return second;
  const logprobs = [...(first.logprobs ?? []), ...(second.logprobs ?? [])];
  const tokens = (first.tokens ?? 1) + (second.tokens ?? 1);
  return { tokens, ...(logprobs.length === 0 ? {} : { logprobs }) };
}

function countOf(told: Told | undefined): Told {
  return told?.tokens === undefined ? {} : { tokens: told.tokens };
}
