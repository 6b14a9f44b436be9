import { type Failure, failure } from '../../domain/failure.ts';
import type { JsonObject } from '../../domain/json.ts';
import { createTextPieces, type TextPieces } from '../../domain/text-pieces.ts';
import { maxSlice, slicesOf } from '../../domain/text-slices.ts';
import type { ChoiceWriter } from '../choice-writer.ts';
import type { AnswerBudget } from '../http/answer/answer-budget.ts';
import { jsonOf } from '../http/unknown-json.ts';

/** One piece of a call, as an upstream sends it: anything may be missing. */
export interface CallPiece {
  readonly index?: number;
  readonly id?: string;
  readonly name?: string;
  readonly arguments?: string;
  readonly extra?: JsonObject;
}

/**
 * Brings the calls of one choice into the contract's order: dense indexes, one call ending before the next
 * begins, each with an id, a name and arguments that are JSON. The call that is open streams, each piece as it came,
 * and nothing of it is kept; pieces of later ones wait until its arguments are complete JSON, or the choice finishes.
 *
 *     open ──▶ its arguments are whole, and another call has begun ──▶ closed, the next one opens
 *
 * Linear in time and memory, however small the pieces and however many the calls.
 */
export interface ToolCalls {
  /** Emits what can go. Returns what is wrong with the piece, or undefined. */
  add(piece: CallPiece): Failure | undefined;
  /** The choice has finished: emits the rest. `partial`: it ran out of tokens, so arguments may be torn. */
  finish(partial: boolean): Failure | undefined;
  readonly count: number;
}

export interface ToolCallsOptions {
  readonly choice: number;
  readonly idBase: string;
  /** Of the answer as a whole. */
  readonly budget: AnswerBudget;
  readonly writer: ChoiceWriter;
}

interface Call {
  readonly dense: number;
  id: string | undefined;
  name: string | undefined;
  extra: JsonObject | undefined;
  started: boolean;
  /** Arguments that have not been emitted: while another call is open, or the name is missing. */
  readonly waiting: TextPieces<string>;
  /** UTF-16 units of the arguments so far. */
  length: number;
}

export function createToolCalls({ choice, idBase, budget, writer }: ToolCallsOptions): ToolCalls {
  const calls: Call[] = [];
  /** The last call that began under each of the upstream's indexes, and the first with each id. */
  const byIndex = new Map<number, Call>();
  const byId = new Map<string, Call>();
  let open = 0;

  function find({ index, id, name }: CallPiece): Call | undefined {
    const last = calls.at(-1);
    if (index === undefined) {
      if (id === undefined) return name !== undefined && last?.name !== undefined ? undefined : last;
      return byId.get(id);
    }
    const found = byIndex.get(index);
    // Some send every call of a turn whole, and all of them under index 0: another id and a name begin a new one.
    const another = id !== undefined && name !== undefined && found?.id !== undefined && found.id !== id;
    return another ? undefined : found;
  }

  function begin(index: number | undefined): Call {
    const call: Call = {
      dense: calls.length,
      id: undefined,
      name: undefined,
      extra: undefined,
      started: false,
      waiting: createTextPieces(),
      length: 0,
    };
    calls.push(call);
    if (index !== undefined) byIndex.set(index, call);
    return call;
  }

  function learn(call: Call, { id, name, extra }: CallPiece): Failure | undefined {
    if (call.id === undefined && id !== undefined) {
      call.id = id;
      if (!byId.has(id)) byId.set(id, call);
    }
    if (call.extra === undefined && extra !== undefined) {
      call.extra = extra;
      const wrong = budget.extra(jsonOf(extra)?.length ?? 0);
      if (wrong !== undefined) return wrong;
    }
    if (call.name !== undefined || name === undefined) return undefined;
    call.name = name;
    return budget.name(name);
  }

  /** Emits what waits; true once the call has begun. */
  function advance(call: Call): boolean {
    if (!call.started) {
      if (call.name === undefined) return false;
      call.started = true;
      writer.startCall({
        id: call.id ?? `call_${idBase}_${choice}_${call.dense}`,
        name: call.name,
        ...(call.extra === undefined ? {} : { extra: call.extra }),
      });
    }
    if (call.waiting.length > 0) write(call.waiting.take());
    return true;
  }

  /** Arguments that come whole, or have waited, are many events where they are long. */
  function write(text: string): void {
    if (text.length <= maxSlice) writer.arguments(text);
    else for (const slice of slicesOf(text)) writer.arguments(slice);
  }

  function take(call: Call, text: string): void {
    call.length += text.length;
    if (call.dense === open && advance(call)) write(text);
    else call.waiting.add(text);
  }

  /** Closes the open call where it is complete and another one waits, and says as much of that as there is. */
  function pump(): void {
    for (let call = calls[open]; call !== undefined && advance(call); call = calls[open]) {
      if (calls[open + 1] === undefined || !writer.argumentsClosed) return;
      open += 1;
    }
  }

  return {
    add(piece) {
      const known = find(piece);
      const oneTooMany = known === undefined ? budget.call() : undefined;
      if (oneTooMany !== undefined) return oneTooMany;
      const call = known ?? begin(piece.index);
      const wrong = learn(call, piece);
      if (wrong !== undefined) return wrong;
      const text = piece.arguments ?? '';
      if (text !== '' && call.dense < open) {
        return text.trim() === '' ? undefined : protocol('arguments for a tool call that was complete');
      }
      const tooLong = budget.arguments(text.length, call.length + text.length);
      if (tooLong !== undefined) return tooLong;
      take(call, text);
      pump();
      return undefined;
    },
    finish(partial) {
      for (const call of calls.slice(open)) {
        if (!advance(call)) return protocol('a tool call without a name');
        if (!writer.endCall(partial) && !partial) return protocol('tool arguments that are not JSON');
        open += 1;
      }
      return undefined;
    },
    get count() {
      return calls.length;
    },
  };
}

/** `why` is for the log. */
function protocol(why: string): Failure {
  return failure('upstream_protocol', 'The upstream broke off its answer.', { detail: why });
}
