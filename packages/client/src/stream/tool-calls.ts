import type { ChatCompletionMessageToolCall } from '../types/chat.ts';
import { createToolArguments, meaningOf, type ToolArguments } from './tool-arguments.ts';

/**
 * The tool calls of one choice, put together in spite of servers that send them in a form of their own:
 *
 * - calls whole in one chunk, several in one chunk, or in pieces that take turns; `function_call` in place of `tool_calls`
 * - ids that are absent, empty, equal for all calls, or another one on each piece
 * - indexes that are absent, texts, with gaps, or the same for several calls: a name behind complete arguments begins a new call
 * - names in pieces, or again on each piece
 * - arguments as an object, cumulative, repeated, encoded twice, and those that carry nothing ({@link ToolArguments})
 * - a call said twice: the same index, name and arguments, and no other id, are one call
 *
 * Tailrace sends none of these; it puts the same things right (`packages/server/src/upstreams/http/answer/tool-calls.ts`).
 */
export interface ToolCalls {
  /** Reads the calls of one delta, if it has any. */
  add(delta: ToolDelta): void;
  /** No more deltas come. `ranOut`: the choice finished with `length`, so its last arguments may be cut. Default: false. */
  finish(ranOut?: boolean): void;
  /**
   * The calls in their order, as far as they are certain: a call is listed once its name is complete, and it does not repeat another
   * one. The same array and objects, which grow.
   */
  readonly calls: readonly ChatCompletionMessageToolCall[];
}

/** The members of a delta that are read here. */
export interface ToolDelta {
  readonly tool_calls?: unknown;
  readonly function_call?: unknown;
}

/** One piece of a call; any member may be missing. */
interface Piece {
  readonly index: number | undefined;
  readonly id: string | undefined;
  readonly name: string | undefined;
  readonly text: string;
  readonly extra: unknown;
  /** The server gave no index: `index` is the place in its list. */
  readonly listed: boolean;
}

interface Call {
  readonly place: number;
  readonly index: number | undefined;
  readonly listed: boolean;
  readonly args: ToolArguments;
  id: string | undefined;
  name: string | undefined;
  extra: unknown;
  repeatsName: boolean;
  /** No more pieces of it can come. */
  ended: boolean;
  dropped: boolean;
  shown: ChatCompletionMessageToolCall | undefined;
}

/** Shown calls of one name: all of them, or those of one index or id. */
interface Group {
  readonly calls: Set<Call>;
  /** Those whose arguments may still grow. */
  readonly open: Set<Call>;
  /** The others, by what their arguments mean. */
  readonly byMeaning: Map<string, Set<Call>>;
}

/** Creates the calls of one choice. `makeId` makes ids for calls that have none. */
export function createToolCalls(makeId: () => string = randomId): ToolCalls {
  const all: Call[] = [];
  const shown: ChatCompletionMessageToolCall[] = [];
  const byIndex = new Map<number | undefined, Call>();
  const byId = new Map<string, Call>();
  const usedIds = new Set<string>();
  /** The calls that a later one may repeat: it is compared with these, and not with all, so that time is linear in their number. */
  const groups = new Map<string, Group>();
  const newest = new Map<string | undefined, Call>();
  /** How many calls are shown or dropped: the first ones. */
  let decided = 0;

  function add(piece: Piece): void {
    const call = find(piece) ?? begin(piece);
    const { id, name, text, extra } = piece;
    const isRenamed = (name ?? call.name) !== call.name || (call.id ?? id) !== call.id;
    const isFiled = call.shown !== undefined && isRenamed;
    if (isFiled) unfile(call);
    if (name !== undefined) addName(call, name);
    if (call.id === undefined && id !== undefined) {
      call.id = id;
      byId.set(id, call);
    }
    if (isFiled) file(call);
    call.extra ??= extra;
    call.args.add(text);
    advance(false);
    if (call.shown !== undefined) call.shown.function.arguments = call.args.text;
  }

  /** The call to which a piece belongs; undefined where it begins a new one. */
  function find(piece: Piece): Call | undefined {
    const { index, id, name } = piece;
    const last = all.at(-1);
    let at = index === undefined ? last : byIndex.get(index);
    // The first piece of the call had no index; this one has.
    if (at === undefined && id === undefined && name === undefined && last?.index === undefined) at = last;
    if (id !== undefined && at?.id !== id) {
      const known = byId.get(id);
      if (known !== undefined && name === undefined) return known;
      if (known !== undefined && index === undefined) at = known;
      else if (at?.id !== undefined && beginsCall(piece, at)) return undefined;
    }
    return at?.name !== undefined && name !== undefined && isNext(at, name) ? undefined : at;
  }

  function begin({ index, id, listed }: Piece): Call {
    const call: Call = {
      place: all.length,
      index,
      listed,
      args: createToolArguments(),
      id: undefined,
      name: undefined,
      extra: undefined,
      repeatsName: false,
      ended: false,
      dropped: false,
      shown: undefined,
    };
    const before = index === undefined ? all.at(-1) : byIndex.get(index);
    // The new call takes this index, and its id does not differ: no later piece can belong to the call before.
    if (before?.index === index && before !== undefined && mayBeSame(before.id, id)) {
      before.ended ||= before.args.state === 'none' || before.args.state === 'empty';
    }
    all.push(call);
    if (index !== undefined) byIndex.set(index, call);
    return call;
  }

  /** Shows or drops the calls for which that is certain, in their order. */
  function advance(ending: boolean): void {
    for (let call = all[decided]; call !== undefined && decide(call, ending); call = all[decided])
      decided += 1;
  }

  function decide(call: Call, ending: boolean): boolean {
    const { args, place } = call;
    const isNamed =
      call.name !== undefined && (args.state === 'begun' || args.state === 'whole' || call.ended);
    if (!isNamed && !ending) return false;
    const verdict = judge(call, !ending && !call.ended, all.length === place + 1);
    if (verdict === 'wait') return false;
    if (verdict === 'show') show(call);
    else drop(call);
    return true;
  }

  /** Whether a call is one of its own, or an earlier one said again. `isOpen`: more pieces of it may come. */
  function judge(call: Call, isOpen: boolean, isLast: boolean): 'show' | 'drop' | 'wait' {
    const { state } = call.args;
    const twins = twinsOf(call);
    if (twins.length === 0) return 'show';
    if (state === 'begun') return isOpen ? 'wait' : 'show';
    const isNameOnly =
      state === 'none' &&
      twins.some(({ calls }) => [...calls].some(({ id, repeatsName }) => repeatsName || isSame(id, call.id)));
    if (isNameOnly) return isOpen && isLast ? 'wait' : 'drop';
    if (state !== 'whole' && isOpen) return 'wait';
    const meaning = meaningOf(textOf(call));
    return twins.some((group) => means(group, meaning)) ? 'drop' : 'show';
  }

  /** The shown calls of the same name that this one may repeat: equal indexes, or none, and ids that may be the same. */
  function twinsOf({ name, index, id, listed }: Call): readonly Group[] {
    const at = index ?? '';
    const keys = id === undefined ? [keyOf(name, at)] : [keyOf(name, at, id), keyOf(name, at, undefined)];
    // Two calls of one list are two calls, whatever their ids.
    if (listed && id !== undefined) keys.push(keyOf(name, '', id, 'single'));
    return keys
      .map((key) => groups.get(key))
      .filter((group) => group !== undefined && group.calls.size > 0) as Group[];
  }

  /** Files a shown call where later ones look for it. */
  function file(call: Call): void {
    newest.set(call.name, call);
    for (const key of keysOf(call)) {
      const group = groups.get(key) ?? { calls: new Set(), open: new Set(), byMeaning: new Map() };
      groups.set(key, group);
      group.calls.add(call);
      group.open.add(call);
    }
  }

  /** Before its name or its id changes. */
  function unfile(call: Call): void {
    for (const key of keysOf(call)) {
      const group = groups.get(key);
      group?.calls.delete(call);
      group?.open.delete(call);
      group?.byMeaning.get(meaningOf(textOf(call)))?.delete(call);
    }
  }

  function show(call: Call): void {
    let id = call.id ?? makeId();
    while (usedIds.has(id)) id = makeId();
    usedIds.add(id);
    call.shown = { id, type: 'function', function: { name: call.name ?? '', arguments: call.args.text } };
    if (call.extra !== undefined) call.shown.extra_content = call.extra;
    shown.push(call.shown);
    file(call);
  }

  /** Later pieces of a repetition belong to the call that it repeats. */
  function drop(call: Call): void {
    call.dropped = true;
    const twin = newest.get(call.name);
    if (twin === undefined) return;
    if (byIndex.get(call.index) === call) byIndex.set(call.index, twin);
    if (call.id !== undefined && byId.get(call.id) === call) byId.set(call.id, twin);
  }

  return {
    add: (delta) => piecesOf(delta).forEach(add),
    finish(ranOut = false) {
      const last = all.at(-1);
      for (const call of all) {
        const { args } = call;
        // An id alone is no output.
        if (call.name === undefined && args.state === 'none' && call.extra === undefined) call.dropped = true;
        args.settle();
      }
      while (decided < all.length) {
        if (all[decided]?.dropped === true) decided += 1;
        advance(true);
      }
      for (const call of all) {
        call.args.end(ranOut && call === last);
        if (call.shown !== undefined) call.shown.function.arguments = call.args.text;
      }
    },
    calls: shown,
  };
}

/** Whether a name begins the next call, at the place of a call that has a name. */
function isNext(at: Call, name: string): boolean {
  if (at.ended) return true;
  if (name !== at.name) at.args.settle();
  const { state } = at.args;
  return state === 'whole' || (state === 'empty' && name !== at.name);
}

/** Whether a piece with another id than the call at its index begins a new call. Some servers make an id for each piece. */
function beginsCall({ name, text }: Piece, at: Call): boolean {
  const { state } = at.args;
  const isBlank = text.trim() === '';
  if (name === undefined) return isBlank && (state === 'whole' || state === 'empty' || at.ended);
  return name !== at.name || state !== 'begun' || isBlank || text.trimStart().startsWith('{');
}

/** Whether a call of a group has these arguments. */
function means({ open, byMeaning }: Group, meaning: string): boolean {
  for (const call of open) {
    const own = meaningOf(textOf(call));
    const isComplete = call.args.state === 'whole' || call.ended;
    if (!isComplete && own === meaning) return true;
    if (!isComplete) continue;
    open.delete(call);
    byMeaning.set(own, (byMeaning.get(own) ?? new Set()).add(call));
  }
  return (byMeaning.get(meaning)?.size ?? 0) > 0;
}

function textOf({ args }: Call): string {
  return args.text || '{}';
}

function keysOf({ name, index, id, listed }: Call): readonly string[] {
  const keys = [...new Set(['', index ?? ''])].flatMap((at) => [keyOf(name, at), keyOf(name, at, id)]);
  return listed ? keys : [...keys, keyOf(name, '', id, 'single')];
}

function keyOf(...parts: readonly unknown[]): string {
  return JSON.stringify(parts);
}

/** A piece that begins with the name so far is all of the name so far; any other one is its next part. */
function addName(call: Call, piece: string): void {
  const { name = '', shown } = call;
  if (piece === name) {
    call.repeatsName = true;
    return;
  }
  call.name = piece.startsWith(name) ? piece : name + piece;
  if (shown !== undefined) shown.function.name = call.name;
}

function isSame(one: string | undefined, other: string | undefined): boolean {
  return one !== undefined && one === other;
}

function mayBeSame(one: string | undefined, other: string | undefined): boolean {
  return one === undefined || other === undefined || one === other;
}

function piecesOf({ tool_calls: listed, function_call: old }: ToolDelta): readonly Piece[] {
  const items = itemsOf(listed);
  // What `tool_calls` has replaced. Beside them it is a copy.
  if (items.length === 0) return isObject(old) ? [{ ...pieceOf({ function: old }), index: 0 }] : [];
  const pieces = items.map(pieceOf);
  const isList = pieces.length > 1 && pieces.every(({ index }) => index === undefined);
  return isList ? pieces.map((piece, index) => ({ ...piece, index, listed: true })) : pieces;
}

/** PHP writes a list of which an item was removed as an object with its indexes; other servers send one call in place of a list. */
function itemsOf(listed: unknown): readonly Members[] {
  if (!isObject(listed)) return [];
  if (Array.isArray(listed) || 'function' in listed) return [listed].flat().filter(isObject);
  return Object.entries(listed).flatMap(([index, item]) => (isObject(item) ? [{ index, ...item }] : []));
}

function pieceOf(item: Members): Piece {
  const { index, id, extra_content: extra } = item;
  // Some servers put the name and the arguments beside the function.
  const places = [isObject(item['function']) ? item['function'] : {}, item];
  const filled = (name: string) =>
    places.map((place) => place[name]).find((value) => value != null && value !== '');
  const name = filled('name');
  const args =
    ['arguments', 'parameters', 'args', 'input'].map(filled).find((value) => value !== undefined) ?? '';
  const number = typeof index === 'string' && index !== '' ? Number(index) : index;
  return {
    index: typeof number === 'number' ? number : undefined,
    id: (typeof id === 'string' || typeof id === 'number') && id !== '' ? String(id) : undefined,
    name: typeof name === 'string' ? name : undefined,
    text: typeof args === 'string' ? args : JSON.stringify(args),
    extra: extra ?? undefined,
    listed: false,
  };
}

type Members = Readonly<Record<string, unknown>>;

function isObject(value: unknown): value is Members {
  return typeof value === 'object' && value !== null;
}

function randomId(): string {
  return `call_${Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, '0')).join('')}`;
}
