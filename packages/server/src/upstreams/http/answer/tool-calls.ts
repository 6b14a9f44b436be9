import type { Failure } from '../../../domain/failure.ts';
import type { JsonObject } from '../../../domain/json.ts';
import { type CallArguments, createCallArguments } from '../../call-arguments.ts';
import type { ChoiceWriter } from '../../choice-writer.ts';
import { jsonOf } from '../unknown-json.ts';
import type { AnswerBudget } from './answer-budget.ts';
import { torn } from './answer-failures.ts';
import { joinName, type ToolNames } from './tool-names.ts';

/** One piece of a call, as an upstream sends it: any member may be missing. */
export interface CallPiece {
  readonly index?: number;
  readonly id?: string;
  readonly name?: string;
  readonly arguments?: string;
  readonly extra?: JsonObject;
  /** True for a call that comes whole: no other piece belongs to it. Default: false. */
  readonly whole?: boolean;
  /** True where the upstream gave no index, and `index` is only the place in the list. Default: false. */
  readonly listed?: boolean;
}

/**
 * Brings the calls of one choice into the contract's order: indexes without gaps, one call after the other, each with an id of
 * its own, a name and arguments that are one JSON object. The pieces of the open call are emitted as they come. The pieces of
 * later calls are kept until the open call is closed, or the choice finishes.
 *
 *     open ──▶ its arguments are whole, and another call has begun ──▶ closed, the next one opens
 *
 * A call starts once its name is certain: pieces of a name are joined until arguments come. Where several calls share an index
 * (contract, section 3), a name after complete arguments begins a new call. Where an earlier call has the same index and
 * name, and no different id, the new one is held until its arguments are complete: the same arguments are a repetition, which is
 * dropped. Calls without an index share one, and may repeat a call of any index. A known id under another index says nothing:
 * some servers give every call the same one.
 *
 * Time and memory are linear in the length of the arguments, for any number and size of pieces and calls.
 */
export interface ToolCalls {
  /** Emits the events that this piece makes possible. Returns the failure where the piece tears the answer. */
  add(piece: CallPiece): Failure | undefined;
  /** Ends the last call with this index: no more pieces of it will come. Undefined where there is none. */
  end(index: number): ToolCallInEvents | undefined;
  /** UTF-16 units of the names and arguments so far, without repetitions: a piece that does not change it said nothing new. */
  readonly size: number;
  /** Emits the rest, at the finish. `partial`: the choice ran out of tokens, so its last arguments may be cut. */
  finish(partial: boolean): Failure | undefined;
}

/** What became of a call. */
export interface ToolCallInEvents {
  /** Its id in the events, once it has started; for a repetition never. */
  readonly startedId: string | undefined;
}

/** What the calls of one choice need. */
export interface ToolCallsOptions {
  /** Makes the id of a call that has none, or has the id of another one. `call`: its index in the events. */
  readonly makeId: (call: number) => string;
  /** The budget of the whole answer. */
  readonly budget: AnswerBudget;
  /** Takes the calls in their order. */
  readonly writer: ChoiceWriter;
  /** The tools of the request. */
  readonly tools?: ToolNames | undefined;
  /** True where the protocol does not split names: a call starts with its name. Default: false. */
  readonly wholeNames?: boolean;
  /** True where the protocol has an event for the end of a call: only that, or its arguments, ends it. Default: false. */
  readonly hasEnds?: boolean;
}

interface Call extends ToolCallInEvents {
  /** Its place among all calls that have begun, dropped ones included. */
  readonly place: number;
  readonly index: number | undefined;
  /** As the upstream sent it. */
  id: string | undefined;
  name: string | undefined;
  extra: JsonObject | undefined;
  readonly args: CallArguments;
  /** The upstream sends the name again with later pieces. */
  repeatsName: boolean;
  startedId: string | undefined;
  readonly whole: boolean;
  readonly listed: boolean;
  /** No more pieces of it can come. */
  ended: boolean;
  /** It was closed with `{}`, because the arguments of a later call had begun. */
  closedEmpty: boolean;
  /** Its name came again behind an empty object, without an id: more arguments may be its own or those of another call. */
  unsure: boolean;
  /** It repeats an earlier call. */
  dropped: boolean;
  /** Earlier calls that it may repeat; undefined until they are looked for. */
  twins: readonly Call[] | undefined;
}

/** Creates the calls of one choice. */
export function createToolCalls(options: ToolCallsOptions): ToolCalls {
  const { makeId, budget, writer, tools, wholeNames = false, hasEnds = false } = options;
  const calls: Call[] = [];
  /** The last call with each index and with each id of the upstream. */
  const byIndex = new Map<number, Call>();
  const byId = new Map<string, Call>();
  /** All calls by name: only these can be twins. */
  const byName = new Map<string, Call[]>();
  const usedIds = new Set<string>();
  /** The place of the open call. */
  let open = 0;
  /** The last place of a call whose arguments have begun. */
  let furthest = -1;
  let size = 0;

  /** The call to which a piece belongs; undefined where it begins a new one. */
  function find(piece: CallPiece): Call | undefined {
    if (piece.whole === true) return undefined;
    const { index, id, name } = piece;
    const last = calls.at(-1);
    let at = index === undefined ? last : byIndex.get(index);
    // The first piece of the call had no index; this one has.
    if (at === undefined && id === undefined && name === undefined && last?.index === undefined) at = last;
    if (id !== undefined && at?.id !== id) {
      const known = byId.get(id);
      if (known !== undefined && name === undefined) return known;
      if (known !== undefined && index === undefined) at = known;
      else if (at?.id !== undefined && begins(piece, at)) return undefined;
    }
    return at !== undefined && name !== undefined && at.name !== undefined && isNext(at, name)
      ? undefined
      : at;
  }

  /** Whether a piece with another id than the call at its index begins a new call. Some upstreams make an id for each piece. */
  function begins({ name, arguments: text = '' }: CallPiece, at: Call): boolean {
    const { state } = at.args;
    if (name === undefined) return text.trim() === '' && (state === 'whole' || state === 'empty' || at.ended);
    return name !== at.name || state !== 'begun' || text.trim() === '' || text.trimStart().startsWith('{');
  }

  /** Whether a name begins the next call, at the index of the call `at`, which has a name. */
  function isNext(at: Call, name: string): boolean {
    const own = at.name ?? '';
    const both = own + name;
    const splits = at.startedId === undefined && tools?.has(own) === false && tools.begins(both);
    if (at.ended) return true;
    if (name !== own) at.args.settle();
    switch (at.args.state) {
      case 'whole':
        // The call was closed with `{}`, so its real arguments come too late: a conflict.
        return !splits && !(at.closedEmpty && name === own);
      case 'empty':
        return name !== own && !splits;
      case 'none':
        if (name === own) return false;
        if (at.startedId !== undefined) return tools?.begins(name) !== false || !own.endsWith(name);
        // Two calls without arguments at one index, and not one call whose name comes in pieces.
        return tools?.has(own) === true && tools.begins(name) && !name.startsWith(own) && !tools.begins(both);
      case 'begun':
        return false;
    }
  }

  function begin({ index, id, whole = false, listed = false }: CallPiece): Call {
    const call: Call = {
      place: calls.length,
      index,
      id: undefined,
      name: undefined,
      extra: undefined,
      args: createCallArguments(),
      repeatsName: false,
      startedId: undefined,
      whole,
      listed,
      ended: whole,
      closedEmpty: false,
      unsure: false,
      dropped: false,
      twins: undefined,
    };
    calls.push(call);
    const before = index === undefined ? calls.at(-2) : byIndex.get(index);
    // The new call takes this index, and its id does not differ: no later piece can belong to the call before.
    if (before !== undefined && before.index === index && mayBeSame(before.id, id)) {
      const { state } = before.args;
      if (state === 'none' || state === 'empty') before.ended = true;
    }
    if (index !== undefined) byIndex.set(index, call);
    return call;
  }

  /** Adds what a piece has besides arguments. The first id and extra content of a call count. */
  function describe(call: Call, { id, name, extra }: CallPiece): Failure | undefined {
    const wrongName = name === undefined ? undefined : addName(call, name);
    if (wrongName !== undefined) return wrongName;
    if (call.id === undefined && id !== undefined) {
      call.id = id;
      byId.set(id, call);
    }
    if (call.extra === undefined && extra !== undefined) {
      call.extra = extra;
      return budget.extra(jsonOf(extra)?.length ?? 0);
    }
    return undefined;
  }

  function addName(call: Call, name: string): Failure | undefined {
    const own = call.name;
    const joined = own === undefined ? name : joinName(own, name, tools);
    if (joined === own) {
      if (own === name && call.id === undefined && call.args.state === 'empty') call.unsure = true;
      if (own === name && tools?.begins(own) !== false) call.repeatsName = true;
      return undefined;
    }
    if (call.startedId !== undefined) {
      return torn('upstream_protocol', 'a piece of the name of a tool call that has started');
    }
    size += joined.length - (own?.length ?? 0);
    call.name = joined;
    call.twins = undefined;
    return budget.name(joined);
  }

  /** Whether the name of a call is complete. */
  function isNamed({ name, args, ended }: Call, ending: boolean): boolean {
    if (name === undefined) return false;
    if (wholeNames || ended || ending) return true;
    if (tools?.has(name) === true && !tools.continues(name)) return true;
    const { state } = args;
    if (state !== 'begun' && state !== 'whole') return false;
    return tools === undefined || tools.has(name) || !tools.begins(name);
  }

  /** The earlier calls that a call may repeat. */
  function twinsOf(call: Call): readonly Call[] {
    if (call.twins !== undefined) return call.twins;
    const { name = '' } = call;
    const named = byName.get(name) ?? [];
    byName.set(name, named);
    call.twins = named.filter(
      (other) => other.place < call.place && other.name === name && mayRepeat(call, other),
    );
    named.push(call);
    return call.twins;
  }

  /** Whether the open call, whose name is complete, starts now, is dropped as a repetition, or has to wait. */
  function decide(call: Call, ending: boolean): 'start' | 'drop' | 'wait' {
    const twins = twinsOf(call);
    if (twins.length === 0) return 'start';
    const { state } = call.args;
    const isLast = !ending && !call.ended;
    if (state === 'begun') return isLast ? 'wait' : 'start';
    // A name that is sent with each piece, or with the finish.
    const isNameOnly =
      state === 'none' && twins.some(({ id, repeatsName }) => repeatsName || isSame(id, call.id));
    if (isNameOnly) return isLast && calls.length === call.place + 1 ? 'wait' : 'drop';
    if (state !== 'whole' && isLast) return 'wait';
    const digest = call.args.digest();
    return twins.some(({ args }) => args.digest() === digest) ? 'drop' : 'start';
  }

  function drop(call: Call): void {
    call.dropped = true;
    size -= (call.name?.length ?? 0) + call.args.size;
    const twin = call.twins?.at(-1);
    if (twin === undefined) return;
    const { index, id } = call;
    if (index !== undefined && byIndex.get(index) === call) byIndex.set(index, twin);
    if (id !== undefined && byId.get(id) === call) byId.set(id, twin);
  }

  /** The id in the events. Clients match the results of calls by their ids, so no two calls have the same. */
  function freshId(given: string | undefined): string {
    const made = makeId(writer.calls);
    let id = given ?? made;
    for (let count = 1; usedIds.has(id); count += 1) id = count === 1 ? made : `${made}_${count}`;
    usedIds.add(id);
    return id;
  }

  /** Starts or drops the open call, where that can be decided. Returns whether it was. */
  function begun(call: Call, ending: boolean): boolean {
    const { name, extra } = call;
    if (call.startedId !== undefined || call.dropped) return true;
    if (name === undefined || !isNamed(call, ending)) return false;
    const decision = decide(call, ending);
    if (decision === 'wait') return false;
    if (decision === 'drop') {
      drop(call);
      return true;
    }
    call.startedId = freshId(call.id);
    writer.startCall({ id: call.startedId, name, ...(extra === undefined ? {} : { extra }) }, call.args);
    return true;
  }

  function isClosed({ args, ended, dropped, place }: Call): boolean {
    if (ended || dropped) return true;
    // Arguments that carry nothing may come ahead of the real ones, but not after those of a later call have begun.
    const isEmpty = args.state === 'empty' && furthest > place && !hasEnds;
    return calls.length > place + 1 && (args.state === 'whole' || isEmpty);
  }

  /** Starts the open call where it can start, and closes it where it is complete and a later one has begun; then the next one. */
  function advance(): void {
    for (let call = calls[open]; call !== undefined && begun(call, false); call = calls[open]) {
      if (!isClosed(call)) return;
      call.closedEmpty = call.args.state === 'empty' && !call.ended;
      if (!call.dropped) writer.endCall();
      open += 1;
    }
  }

  function addArguments(call: Call, text: string): Failure | undefined {
    const { args, place } = call;
    const before = args.size;
    if (place === open && call.startedId !== undefined) writer.arguments(text);
    else args.add(text);
    const added = args.size - before;
    size += added;
    if (args.conflict) return torn('upstream_protocol', 'arguments for a tool call that was complete');
    if (args.state === 'begun' || args.state === 'whole') {
      if (call.unsure) return torn('upstream_protocol', 'arguments that may belong to either of two calls');
      furthest = Math.max(furthest, place);
    }
    return budget.arguments(added, args.size);
  }

  return {
    get size() {
      return size;
    },
    add(piece) {
      const known = find(piece);
      const oneTooMany = known === undefined ? budget.call() : undefined;
      if (oneTooMany !== undefined) return oneTooMany;
      const call = known ?? begin(piece);
      const wrong = describe(call, piece) ?? addArguments(call, piece.arguments ?? '');
      if (wrong !== undefined) return wrong;
      advance();
      return undefined;
    },
    end(index) {
      const call = calls.findLast((one) => one.index === index);
      if (call === undefined) return undefined;
      call.args.settle();
      call.ended = true;
      advance();
      return call;
    },
    finish(partial) {
      for (const call of calls.slice(open)) {
        // An id alone is no output.
        const isEmpty = call.name === undefined && call.args.state === 'none' && call.extra === undefined;
        open += 1;
        if (isEmpty) continue;
        call.args.settle();
        if (!begun(call, true)) return torn('upstream_protocol', 'a tool call without a name');
        if (!call.dropped) writer.endCall(partial);
      }
      const isTorn = calls.some(({ startedId, args }) => startedId !== undefined && !args.valid);
      return isTorn && !partial
        ? torn('upstream_protocol', 'tool arguments that are no JSON object')
        : undefined;
    },
  };
}

/** Whether a call may be an earlier one with the same name again. A call that comes whole is so only with its id. */
function mayRepeat(call: Call, earlier: Call): boolean {
  if (call.whole) return call.index === earlier.index && isSame(earlier.id, call.id);
  if (call.index === undefined || call.index === earlier.index) return mayBeSame(earlier.id, call.id);
  // Two calls of one list are two calls, whatever their ids.
  return call.listed && !earlier.listed && isSame(earlier.id, call.id);
}

/** Whether both ids are known, and equal. */
function isSame(one: string | undefined, other: string | undefined): boolean {
  return one !== undefined && one === other;
}

/** Whether two calls may have the same id: one that is absent says nothing. */
function mayBeSame(one: string | undefined, other: string | undefined): boolean {
  return one === undefined || other === undefined || one === other;
}
