import type { Failure } from '../../../domain/failure.ts';
import type { JsonObject } from '../../../domain/json.ts';
import { createCallArguments } from '../../call-arguments.ts';
import type { ChoiceWriter } from '../../choice-writer.ts';
import { jsonOf } from '../unknown-json.ts';
import type { AnswerBudget } from './answer-budget.ts';
import { torn } from './answer-failures.ts';
import { type Call, isSame, mayBeSame, mayRepeat } from './tool-call.ts';
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

/** Creates the calls of one choice. */
export function createToolCalls(options: ToolCallsOptions): ToolCalls {
  return new OrderedCalls(options);
}

/** One object, because the calls of a choice live as long as its stream. */
class OrderedCalls implements ToolCalls {
  size = 0;
  private readonly options: ToolCallsOptions;
  private readonly budget: AnswerBudget;
  private readonly writer: ChoiceWriter;
  private readonly tools: ToolNames | undefined;
  private readonly calls: Call[] = [];
  /** The last call with each index and with each id of the upstream. */
  private readonly byIndex = new Map<number, Call>();
  private readonly byId = new Map<string, Call>();
  /** All calls by name: only these can be twins. */
  private readonly byName = new Map<string, Call[]>();
  private readonly usedIds = new Set<string>();
  /** The place of the open call. */
  private open = 0;
  /** The last place of a call whose arguments have begun. */
  private furthest = -1;

  constructor(options: ToolCallsOptions) {
    this.options = options;
    this.budget = options.budget;
    this.writer = options.writer;
    this.tools = options.tools;
  }

  add(piece: CallPiece): Failure | undefined {
    const known = this.find(piece);
    const oneTooMany = known === undefined ? this.budget.call() : undefined;
    if (oneTooMany !== undefined) return oneTooMany;
    const call = known ?? this.begin(piece);
    const wrong = this.describe(call, piece) ?? this.addArguments(call, piece.arguments ?? '');
    if (wrong !== undefined) return wrong;
    this.advance();
    return undefined;
  }

  end(index: number): ToolCallInEvents | undefined {
    const call = this.calls.findLast((one) => one.index === index);
    if (call === undefined) return undefined;
    call.args.settle();
    call.ended = true;
    this.advance();
    return call;
  }

  finish(partial: boolean): Failure | undefined {
    for (const call of this.calls.slice(this.open)) {
      // An id alone is no output.
      const isEmpty = call.name === undefined && call.args.state === 'none' && call.extra === undefined;
      this.open += 1;
      if (isEmpty) continue;
      call.args.settle();
      if (!this.begun(call, true)) return torn('upstream_protocol', 'a tool call without a name');
      if (!call.dropped) this.writer.endCall(partial);
    }
    const isTorn = this.calls.some(({ startedId, args }) => startedId !== undefined && !args.valid);
    return isTorn && !partial
      ? torn('upstream_protocol', 'tool arguments that are no JSON object')
      : undefined;
  }

  /** The call to which a piece belongs; undefined where it begins a new one. */
  private find(piece: CallPiece): Call | undefined {
    if (piece.whole === true) return undefined;
    const { index, id, name } = piece;
    const last = this.calls.at(-1);
    let at = index === undefined ? last : this.byIndex.get(index);
    // The first piece of the call had no index; this one has.
    if (at === undefined && id === undefined && name === undefined && last?.index === undefined) at = last;
    if (id !== undefined && at?.id !== id) {
      const known = this.byId.get(id);
      if (known !== undefined && name === undefined) return known;
      if (known !== undefined && index === undefined) at = known;
      else if (at?.id !== undefined && beginsCall(piece, at)) return undefined;
    }
    return at !== undefined && name !== undefined && at.name !== undefined && this.isNext(at, name)
      ? undefined
      : at;
  }

  /** Whether a name begins the next call, at the index of the call `at`, which has a name. */
  private isNext(at: Call, name: string): boolean {
    const own = at.name ?? '';
    const both = own + name;
    const splits = at.startedId === undefined && this.tools?.has(own) === false && this.tools.begins(both);
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
        if (at.startedId !== undefined) return this.tools?.begins(name) !== false || !own.endsWith(name);
        // Two calls without arguments at one index, and not one call whose name comes in pieces.
        return (
          this.tools?.has(own) === true &&
          this.tools.begins(name) &&
          !name.startsWith(own) &&
          !this.tools.begins(both)
        );
      case 'begun':
        return false;
    }
  }

  private begin({ index, id, whole = false, listed = false }: CallPiece): Call {
    const call: Call = {
      place: this.calls.length,
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
    this.calls.push(call);
    const before = index === undefined ? this.calls.at(-2) : this.byIndex.get(index);
    // The new call takes this index, and its id does not differ: no later piece can belong to the call before.
    if (before !== undefined && before.index === index && mayBeSame(before.id, id)) {
      const { state } = before.args;
      if (state === 'none' || state === 'empty') before.ended = true;
    }
    if (index !== undefined) this.byIndex.set(index, call);
    return call;
  }

  /** Adds what a piece has besides arguments. The first id and extra content of a call count. */
  private describe(call: Call, { id, name, extra }: CallPiece): Failure | undefined {
    const wrongName = name === undefined ? undefined : this.addName(call, name);
    if (wrongName !== undefined) return wrongName;
    if (call.id === undefined && id !== undefined) {
      call.id = id;
      this.byId.set(id, call);
    }
    if (call.extra === undefined && extra !== undefined) {
      call.extra = extra;
      return this.budget.extra(jsonOf(extra)?.length ?? 0);
    }
    return undefined;
  }

  private addName(call: Call, name: string): Failure | undefined {
    const own = call.name;
    const joined = own === undefined ? name : joinName(own, name, this.tools);
    if (joined === own) {
      if (own === name && call.id === undefined && call.args.state === 'empty') call.unsure = true;
      if (own === name && this.tools?.begins(own) !== false) call.repeatsName = true;
      return undefined;
    }
    if (call.startedId !== undefined) {
      return torn('upstream_protocol', 'a piece of the name of a tool call that has started');
    }
    this.size += joined.length - (own?.length ?? 0);
    call.name = joined;
    call.twins = undefined;
    return this.budget.name(joined);
  }

  /** Whether the name of a call is complete. */
  private isNamed({ name, args, ended }: Call, ending: boolean): boolean {
    if (name === undefined) return false;
    if (this.options.wholeNames === true || ended || ending) return true;
    if (this.tools?.has(name) === true && !this.tools.continues(name)) return true;
    const { state } = args;
    if (state !== 'begun' && state !== 'whole') return false;
    return this.tools === undefined || this.tools.has(name) || !this.tools.begins(name);
  }

  /** The earlier calls that a call may repeat. */
  private twinsOf(call: Call): readonly Call[] {
    if (call.twins !== undefined) return call.twins;
    const { name = '' } = call;
    const named = this.byName.get(name) ?? [];
    this.byName.set(name, named);
    call.twins = named.filter(
      (other) => other.place < call.place && other.name === name && mayRepeat(call, other),
    );
    named.push(call);
    return call.twins;
  }

  /** Whether the open call, whose name is complete, starts now, is dropped as a repetition, or has to wait. */
  private decide(call: Call, ending: boolean): 'start' | 'drop' | 'wait' {
    const twins = this.twinsOf(call);
    if (twins.length === 0) return 'start';
    const { state } = call.args;
    const isLast = !ending && !call.ended;
    if (state === 'begun') return isLast ? 'wait' : 'start';
    // A name that is sent with each piece, or with the finish.
    const isNameOnly =
      state === 'none' && twins.some(({ id, repeatsName }) => repeatsName || isSame(id, call.id));
    if (isNameOnly) return isLast && this.calls.length === call.place + 1 ? 'wait' : 'drop';
    if (state !== 'whole' && isLast) return 'wait';
    const digest = call.args.digest();
    return twins.some(({ args }) => args.digest() === digest) ? 'drop' : 'start';
  }

  private drop(call: Call): void {
    call.dropped = true;
    this.size -= (call.name?.length ?? 0) + call.args.size;
    const twin = call.twins?.at(-1);
    if (twin === undefined) return;
    const { index, id } = call;
    if (index !== undefined && this.byIndex.get(index) === call) this.byIndex.set(index, twin);
    if (id !== undefined && this.byId.get(id) === call) this.byId.set(id, twin);
  }

  /** The id in the events. Clients match the results of calls by their ids, so no two calls have the same. */
  private freshId(given: string | undefined): string {
    const made = this.options.makeId(this.writer.calls);
    let id = given ?? made;
    for (let count = 1; this.usedIds.has(id); count += 1) id = count === 1 ? made : `${made}_${count}`;
    this.usedIds.add(id);
    return id;
  }

  /** Starts or drops the open call, where that can be decided. Returns whether it was. */
  private begun(call: Call, ending: boolean): boolean {
    const { name, extra } = call;
    if (call.startedId !== undefined || call.dropped) return true;
    if (name === undefined || !this.isNamed(call, ending)) return false;
    const decision = this.decide(call, ending);
    if (decision === 'wait') return false;
    if (decision === 'drop') {
      this.drop(call);
      return true;
    }
    call.startedId = this.freshId(call.id);
    this.writer.startCall({ id: call.startedId, name, ...(extra === undefined ? {} : { extra }) }, call.args);
    return true;
  }

  private isClosed({ args, ended, dropped, place }: Call): boolean {
    if (ended || dropped) return true;
    // Arguments that carry nothing may come ahead of the real ones, but not after those of a later call have begun.
    const isEmpty = args.state === 'empty' && this.furthest > place && this.options.hasEnds !== true;
    return this.calls.length > place + 1 && (args.state === 'whole' || isEmpty);
  }

  /** Starts the open call where it can start, and closes it where it is complete and a later one has begun; then the next one. */
  private advance(): void {
    for (
      let call = this.calls[this.open];
      call !== undefined && this.begun(call, false);
      call = this.calls[this.open]
    ) {
      if (!this.isClosed(call)) return;
      call.closedEmpty = call.args.state === 'empty' && !call.ended;
      if (!call.dropped) this.writer.endCall();
      this.open += 1;
    }
  }

  private addArguments(call: Call, text: string): Failure | undefined {
    const { args, place } = call;
    const before = args.size;
    if (place === this.open && call.startedId !== undefined) this.writer.arguments(text);
    else args.add(text);
    const added = args.size - before;
    this.size += added;
    if (args.conflict) return torn('upstream_protocol', 'arguments for a tool call that was complete');
    if (args.state === 'begun' || args.state === 'whole') {
      if (call.unsure) return torn('upstream_protocol', 'arguments that may belong to either of two calls');
      this.furthest = Math.max(this.furthest, place);
    }
    return this.budget.arguments(added, args.size);
  }
}

/** Whether a piece with another id than the call at its index begins a new call. Some upstreams make an id for each piece. */
function beginsCall({ name, arguments: text = '' }: CallPiece, at: Call): boolean {
  const { state } = at.args;
  if (name === undefined) return text.trim() === '' && (state === 'whole' || state === 'empty' || at.ended);
  return name !== at.name || state !== 'begun' || text.trim() === '' || text.trimStart().startsWith('{');
}
