import { jsonText } from '@tailrace/protocol';
import type { JsonObject } from '../../domain/json.ts';
import { isJson } from '../../domain/json.ts';
import { createPairHold, type PairHold } from '../../domain/pair-hold.ts';
import type { StreamEvent } from '../../domain/stream-event.ts';

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
 * begins, each with an id, a name and arguments that are JSON. The call that is open streams; pieces of
 * later ones wait until its arguments are complete JSON, or the choice finishes.
 *
 *     open ──▶ its arguments parse, and another call has begun ──▶ closed, the next one opens
 */
export interface ToolCalls {
  /** Emits what can go. Returns what is wrong with the piece, or undefined. */
  add(piece: CallPiece): string | undefined;
  /** The choice has finished: emits the rest. `partial`: it ran out of tokens, so arguments may be torn. */
  finish(partial: boolean): string | undefined;
  readonly count: number;
}

interface Call {
  /** The upstream's, to find the call again. */
  readonly key: number | undefined;
  readonly dense: number;
  id: string | undefined;
  name: string | undefined;
  extra: JsonObject | undefined;
  started: boolean;
  /** All of them so far; `sent` of it have been emitted. */
  arguments: string;
  sent: number;
  /** Length at which the arguments were last tried as JSON. */
  tried: number;
  complete: boolean;
  readonly hold: PairHold;
}

const maxCalls = 1_024;
// More than any context holds; arguments are kept because they are judged at the end.
const maxArgumentsLength = 16 * 1024 * 1024;

export function createToolCalls(
  options: { readonly choice: number; readonly idBase: string },
  emit: (event: StreamEvent) => void,
): ToolCalls {
  const { choice } = options;
  const calls: Call[] = [];
  let open = 0;
  let length = 0;

  function find(piece: CallPiece): Call | undefined {
    const { index, id, name } = piece;
    const last = calls.at(-1);
    if (index === undefined) {
      if (id === undefined) return name !== undefined && last?.name !== undefined ? undefined : last;
      return calls.find((call) => call.id === id);
    }
    const found = calls.findLast((call) => call.key === index);
    // Some send every call of a turn whole, and all of them under index 0: another id and a name begin a new one.
    const another = id !== undefined && name !== undefined && found?.id !== undefined && found.id !== id;
    return another ? undefined : found;
  }

  function begin(piece: CallPiece): Call {
    const call: Call = {
      key: piece.index,
      dense: calls.length,
      id: undefined,
      name: undefined,
      extra: undefined,
      started: false,
      arguments: '',
      sent: 0,
      tried: -1,
      complete: false,
      hold: createPairHold(),
    };
    calls.push(call);
    return call;
  }

  function start(call: Call): boolean {
    if (call.started) return true;
    if (call.name === undefined) return false;
    call.started = true;
    emit({
      type: 'tool-call-start',
      choice,
      index: call.dense,
      id: call.id ?? `call_${options.idBase}_${choice}_${call.dense}`,
      name: call.name,
      ...(call.extra === undefined ? {} : { extra: call.extra }),
    });
    return true;
  }

  function send(call: Call, text: string): void {
    if (text !== '') emit({ type: 'tool-call-delta', choice, index: call.dense, json: jsonText(text) });
  }

  function advance(call: Call): void {
    if (!start(call)) return;
    send(call, call.hold.take(call.arguments.slice(call.sent)));
    call.sent = call.arguments.length;
  }

  function isComplete(call: Call): boolean {
    if (call.complete || call.tried === call.arguments.length) return call.complete;
    call.tried = call.arguments.length;
    // Cheap test first: this is asked for every piece of a call that waits.
    call.complete = /[}\]]\s*$/.test(call.arguments) && isJson(call.arguments);
    return call.complete;
  }

  /** Emits the open call, and as many of the next ones as may begin. */
  function pump(): void {
    for (let call = calls[open]; call !== undefined; call = calls[open]) {
      advance(call);
      const next = calls[open + 1];
      if (next === undefined || !call.started || !isComplete(call)) return;
      open += 1;
    }
  }

  return {
    add(piece) {
      const known = find(piece);
      if (known === undefined && calls.length >= maxCalls) return `more than ${maxCalls} tool calls`;
      const call = known ?? begin(piece);
      call.id ??= piece.id;
      call.name ??= piece.name;
      call.extra ??= piece.extra;
      const text = piece.arguments ?? '';
      if (text !== '' && call.dense < open) {
        return text.trim() === '' ? undefined : 'arguments for a tool call that was complete';
      }
      length += text.length;
      if (length > maxArgumentsLength) return `tool arguments over ${maxArgumentsLength} characters`;
      call.arguments += text;
      pump();
      return undefined;
    },
    finish(partial) {
      for (const call of calls.slice(open)) {
        const empty = call.arguments.trim() === '';
        if (empty && !partial) call.arguments += '{}';
        advance(call);
        if (!call.started) return 'a tool call without a name';
        send(call, call.hold.flush());
        if (!partial && !empty && !isComplete(call) && !isJson(call.arguments)) {
          return 'tool arguments that are not JSON';
        }
        open += 1;
      }
      return undefined;
    },
    get count() {
      return calls.length;
    },
  };
}
