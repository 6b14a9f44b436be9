import type { Failure } from '../../domain/failure.ts';
import type { JsonObject } from '../../domain/json.ts';
import { createTextPieces, type TextPieces } from '../../domain/text-pieces.ts';
import { maxSlice, slicesOf } from '../../domain/text-slices.ts';
import type { ChoiceWriter } from '../choice-writer.ts';
import type { AnswerBudget } from '../http/answer/answer-budget.ts';
import { torn } from '../http/answer/answer-failures.ts';
import { jsonOf } from '../http/unknown-json.ts';

/** One piece of a call, as an upstream sends it: any member may be missing. */
export interface CallPiece {
  readonly index?: number;
  readonly id?: string;
  readonly name?: string;
  readonly arguments?: string;
  readonly extra?: JsonObject;
}

/**
 * Brings the calls of one choice into the contract's order: indexes without gaps, one call after the other, each with an id, a
 * name and arguments that are JSON. The pieces of the open call are emitted as they come and are not kept. The pieces of later
 * calls are kept until the arguments of the open call are complete JSON, or the choice finishes.
 *
 *     open ──▶ its arguments are whole, and another call has begun ──▶ closed, the next one opens
 *
 * Time and memory are linear in the length of the arguments, for any number and size of pieces and calls.
 */
export interface ToolCalls {
  /** Emits the events that this piece makes possible. Returns the failure where the piece tears the answer. */
  add(piece: CallPiece): Failure | undefined;
  /** Emits the rest, at the finish. `partial`: the choice ran out of tokens, so its last arguments may be cut. */
  finish(partial: boolean): Failure | undefined;
}

/** What the calls of one choice need. */
export interface ToolCallsOptions {
  readonly choice: number;
  /** For the ids of calls that have none. */
  readonly idBase: string;
  /** The budget of the whole answer. */
  readonly budget: AnswerBudget;
  /** Takes the calls in their order. */
  readonly writer: ChoiceWriter;
}

interface Call {
  /** Its index in the events. */
  readonly position: number;
  id: string | undefined;
  name: string | undefined;
  extra: JsonObject | undefined;
  started: boolean;
  /** Arguments that are not emitted yet: another call is open, or the name has not come. */
  readonly pending: TextPieces<string>;
  /** UTF-16 units of the arguments so far. */
  length: number;
}

/** Creates the calls of one choice. */
export function createToolCalls({ choice, idBase, budget, writer }: ToolCallsOptions): ToolCalls {
  const calls: Call[] = [];
  /** The last call with each index of the upstream, and the first call with each id. */
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
    // Some upstreams send whole calls, all with index 0: a different id together with a name begins a new call.
    const another = id !== undefined && name !== undefined && found?.id !== undefined && found.id !== id;
    return another ? undefined : found;
  }

  function begin(index: number | undefined): Call {
    const call: Call = {
      position: calls.length,
      id: undefined,
      name: undefined,
      extra: undefined,
      started: false,
      pending: createTextPieces(),
      length: 0,
    };
    calls.push(call);
    if (index !== undefined) byIndex.set(index, call);
    return call;
  }

  /** Adds what a piece has besides arguments. The first id, name and extra content of a call count. */
  function describe(call: Call, { id, name, extra }: CallPiece): Failure | undefined {
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

  /** Emits the start of a call once its name is known. Returns whether the call has started. */
  function start(call: Call): boolean {
    if (call.started) return true;
    if (call.name === undefined) return false;
    call.started = true;
    writer.startCall({
      id: call.id ?? `call_${idBase}_${choice}_${call.position}`,
      name: call.name,
      ...(call.extra === undefined ? {} : { extra: call.extra }),
    });
    return true;
  }

  /** Emits arguments. Long ones, which came whole or were pending, become several events. */
  function emitArguments(text: string): void {
    if (text.length <= maxSlice) writer.arguments(text);
    else for (const slice of slicesOf(text)) writer.arguments(slice);
  }

  /** Emits the start and the pending arguments of a call. Returns whether the call has started. */
  function emitPending(call: Call): boolean {
    if (!start(call)) return false;
    if (call.pending.length > 0) emitArguments(call.pending.take());
    return true;
  }

  function addArguments(call: Call, text: string): void {
    call.length += text.length;
    if (call.position === open && emitPending(call)) emitArguments(text);
    else call.pending.add(text);
  }

  /** While the open call is complete and a later call has begun: closes it, and emits what is pending of the next call. */
  function openNext(): void {
    for (let call = calls[open]; call !== undefined && emitPending(call); call = calls[open]) {
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
      const wrong = describe(call, piece);
      if (wrong !== undefined) return wrong;
      const text = piece.arguments ?? '';
      if (text !== '' && call.position < open) {
        if (text.trim() === '') return undefined;
        return torn('upstream_protocol', 'arguments for a tool call that was complete');
      }
      const tooLong = budget.arguments(text.length, call.length + text.length);
      if (tooLong !== undefined) return tooLong;
      addArguments(call, text);
      openNext();
      return undefined;
    },
    finish(partial) {
      for (const call of calls.slice(open)) {
        if (!emitPending(call)) return torn('upstream_protocol', 'a tool call without a name');
        if (!writer.endCall(partial) && !partial) {
          return torn('upstream_protocol', 'tool arguments that are not JSON');
        }
        open += 1;
      }
      return undefined;
    },
  };
}
