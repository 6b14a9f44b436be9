import { type FinishReason, jsonText } from '@tailrace/protocol';
import type { JsonObject, JsonValue } from '../../domain/json.ts';
import type { StreamEvent } from '../../domain/stream-event.ts';
import { createTextHold } from '../shared/text-hold.ts';
import type { ChunkChoice } from './chunk.ts';
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

/** Why a choice tears its stream. */
export interface Torn {
  readonly code: 'upstream_protocol' | 'upstream_cut';
  readonly why: string;
}

export interface Choice {
  /** Emits the deltas of a chunk. After the finish everything is dropped. */
  add(chunk: ChunkChoice): Torn | undefined;
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
}

const maxDetails = 10_000;

export function createChoice(options: ChoiceOptions, emit: (event: StreamEvent) => void): Choice {
  const { choice } = options;
  const text = createTextHold();
  const reasoning = createTextHold();
  const refusal = createTextHold();
  const calls = createToolCalls(options, emit);
  const ownReasons = new Map(Object.entries(options.finishReasons));
  const details: Record<string, JsonValue>[] = [];
  let echoLeft = options.echo ?? '';
  let finished: Choice['finished'];

  function say(type: 'text-delta' | 'reasoning-delta' | 'refusal-delta', said: string): void {
    if (said !== '') emit({ type, choice, json: jsonText(said) });
  }

  function sayText(chunk: ChunkChoice): Torn | undefined {
    let said = text.take(chunk.text);
    if (echoLeft !== '' && said !== '') {
      const echoed = Math.min(echoLeft.length, said.length);
      if (said.slice(0, echoed) !== echoLeft.slice(0, echoed)) {
        return { code: 'upstream_protocol', why: 'the answer does not begin as it was told to' };
      }
      echoLeft = echoLeft.slice(echoed);
      said = said.slice(echoed);
    }
    if (chunk.logprobs === undefined) say('text-delta', said);
    else emit({ type: 'text-delta', choice, json: jsonText(said), logprobs: chunk.logprobs });
    return undefined;
  }

  /** Details come in pieces; those of one index and type are one. */
  function keepDetails(pieces: readonly JsonObject[]): void {
    for (const piece of pieces) {
      const last = details.at(-1);
      const continues =
        last !== undefined &&
        last['index'] === piece['index'] &&
        last['type'] === piece['type'] &&
        'index' in piece;
      if (!continues) {
        if (details.length < maxDetails) details.push({ ...piece });
        continue;
      }
      for (const [key, value] of Object.entries(piece)) {
        const before = last[key];
        const joins = key === 'text' || key === 'summary' || key === 'data';
        if (joins && typeof before === 'string' && typeof value === 'string') last[key] = before + value;
        else if (value !== null) last[key] = value;
      }
    }
  }

  function finish(said: string): Torn | undefined {
    const mapped = ownReasons.get(said) ?? commonReasons.get(said);
    if (mapped === undefined) return { code: 'upstream_cut', why: `the finish reason ${said.slice(0, 40)}` };
    say('reasoning-delta', reasoning.flush());
    say('text-delta', text.flush());
    say('refusal-delta', refusal.flush());
    const wrong = calls.finish(mapped === 'length');
    if (wrong !== undefined) return { code: 'upstream_protocol', why: wrong };
    if (echoLeft !== '' && mapped !== 'length') {
      return { code: 'upstream_protocol', why: 'the answer ended inside the beginning it was given' };
    }
    const called = calls.count > 0;
    const reason =
      mapped === 'stop' && called ? 'tool_calls' : mapped === 'tool_calls' && !called ? 'stop' : mapped;
    finished = {
      reason,
      ...(details.length === 0 ? {} : { extra: { openrouter: { reasoning_details: details } } }),
    };
    return undefined;
  }

  return {
    add(chunk) {
      if (finished !== undefined) return undefined;
      keepDetails(chunk.details);
      if (chunk.reasoning !== '') say('reasoning-delta', reasoning.take(chunk.reasoning));
      if (chunk.text !== '' || chunk.logprobs !== undefined) {
        say('reasoning-delta', reasoning.flush());
        const torn = sayText(chunk);
        if (torn !== undefined) return torn;
      }
      if (chunk.refusal !== '') say('refusal-delta', refusal.take(chunk.refusal));
      for (const piece of chunk.calls) {
        const wrong = calls.add(piece);
        if (wrong !== undefined) return { code: 'upstream_protocol', why: wrong };
      }
      return chunk.finish === undefined ? undefined : finish(chunk.finish);
    },
    get finished() {
      return finished;
    },
    get plain() {
      return finished === undefined && echoLeft === '' && !text.holding && !reasoning.holding;
    },
  };
}
