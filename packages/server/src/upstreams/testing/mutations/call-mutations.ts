import { cutText, type Dice } from '../dice.ts';
import { isJson, isJsonText, type Json, type MutableStream, type Mutation } from '../mutable-stream.ts';
import {
  type CallPiece,
  type ChatCall,
  chatCallsOf,
  functionOf,
  insertCalls,
  plainCallsOf,
  removePiece,
  saysSomething,
  textOf,
} from './call-pieces.ts';
import { finishOf, partsOf, setFinish } from './stream-parts.ts';

/** Tool calls of OpenAI-compatible upstreams in other shapes: whose piece is whose, and under which name. */
export const callMutations: readonly Mutation[] = [
  chatCalls('id and name on every piece', (_, calls, dice) => {
    const fields = dice.pick([['id'], ['name'], ['id', 'name']]);
    let found = false;
    for (const { name, id, pieces } of calls) {
      for (const { call } of pieces.slice(1)) {
        if (fields.includes('id') && id !== '') call['id'] = id;
        // After whole arguments a name alone begins another call.
        const isBlank = textOf(functionOf(call)['arguments']).trim() === '';
        if (fields.includes('name') && !(isBlank && (id === '' || fields.length === 1))) {
          call['function'] = { ...functionOf(call), name };
        }
        found = true;
      }
    }
    return found;
  }),
  chatCalls('a call said twice', (stream, calls, dice) => {
    if (stream.form !== 'stream') return false;
    const { id, name, text, pieces, choice } = dice.pick(calls);
    const last = pieces.at(-1);
    // Earlier mutations may say the arguments twice.
    if (id === '' || !saysSomething(text) || !isJsonText(text) || last === undefined) return false;
    const again = { index: last.call['index'], id, type: 'function', function: { name, arguments: text } };
    const end = calls.findLast((other) => other.choice === choice)?.pieces.at(-1) ?? last;
    insertCalls(stream, last, dice.chance(0.5) ? last : end, [again]);
    return true;
  }),
  chatCalls('calls in turns', (_, calls, dice) => {
    const pieces = calls.flatMap((call) => call.pieces);
    const [first] = calls;
    if (calls.length < 2 || first === undefined || calls.some(({ choice }) => choice !== first.choice))
      return false;
    if (pieces.some(({ delta, call }) => (delta['tool_calls'] as Json[])[0] !== call)) return false;
    if (new Set(pieces.map(({ delta }) => delta)).size !== pieces.length) return false;
    const left = calls.map((call) => call.pieces.map((piece) => piece.call));
    for (const { delta } of pieces) {
      // The first pieces of the calls keep their order: it is the order of the calls.
      const begun = left.filter((list, at) => list.length < (calls[at]?.pieces.length ?? 0));
      const next = left[begun.length];
      const open = [...begun, ...(next === undefined ? [] : [next])].filter((list) => list.length > 0);
      const piece = dice.pick(open).shift();
      if (piece !== undefined) delta['tool_calls'] = [piece];
    }
    return true;
  }),
  chatCalls('calls whole', (_, calls, dice) => {
    if (!calls.every(({ text }) => text === '' || isJsonText(text))) return false;
    const together = dice.chance(0.4) && calls.every(({ choice }) => choice === calls[0]?.choice);
    for (const { text, pieces } of calls) {
      const [head, ...others] = pieces;
      if (head === undefined) continue;
      head.call['function'] = { ...functionOf(head.call), arguments: text };
      for (const piece of others) removePiece(piece);
    }
    const [first] = calls;
    if (together && first !== undefined) {
      const heads = calls.flatMap(({ pieces }) => pieces.slice(0, 1));
      for (const head of heads) removePiece(head);
      const delta = first.pieces[0]?.delta;
      if (delta !== undefined) delta['tool_calls'] = heads.map(({ call }) => call);
    }
    return true;
  }),
  chatCalls('call ids missing', (_, calls, dice) => {
    for (const { call } of calls.flatMap(({ pieces }) => pieces.slice(0, 1))) {
      const id = dice.pick(['', null, undefined]);
      if (id === undefined) delete call['id'];
      else call['id'] = id;
    }
    return true;
  }),
  chatCalls('the call of the time before tools', (stream, calls, dice) => {
    const [only, ...others] = calls;
    if (only === undefined || others.length > 0 || stream.choices !== 1) return false;
    for (const { delta, call } of only.pieces) {
      delta['function_call'] = functionOf(call);
      delete delta['tool_calls'];
    }
    for (const part of partsOf(stream)) {
      if (finishOf(stream, part) === 'tool_calls' && dice.chance(0.7))
        setFinish(stream, part, 'function_call');
    }
    return true;
  }),
  chatCalls('name in pieces', (stream, calls, dice) => {
    if (stream.form !== 'stream') return false;
    const { id, name, pieces } = dice.pick(calls);
    const [head] = pieces;
    const parts = cutText(name, 2, dice);
    if (head === undefined || parts.length < 2 || hasWholeAgain(parts)) return false;
    const args = textOf(functionOf(head.call)['arguments']);
    const withId = dice.chance(0.3) ? { id } : {};
    head.call['function'] = { name: parts[0], arguments: '' };
    const [, ...rest] = parts;
    const later = rest.map((piece, at) => ({
      index: head.call['index'],
      ...withId,
      function: { name: piece, ...(at === rest.length - 1 && args !== '' ? { arguments: args } : {}) },
    }));
    for (const piece of later.toReversed()) insertCalls(stream, head, head, [piece]);
    return true;
  }),
  chatCalls('calls under one index', (_, calls, dice) => {
    const ids = dice.pick(['kept', 'empty', 'absent', 'equal'] as const);
    if (calls.length < 2 || !isSequential(calls)) return false;
    if (!(ids === 'kept' && hasOwnIds(calls)) && !isTold(calls)) return false;
    for (const { choice, pieces } of calls) {
      for (const { call } of pieces) call['index'] = 0;
      const head = pieces[0]?.call;
      if (head === undefined || ids === 'kept') continue;
      if (ids === 'absent') delete head['id'];
      else head['id'] = ids === 'empty' ? '' : `call_${choice}`;
    }
    return true;
  }),
  chatCalls('call index absent', (_, calls, dice) => {
    if (!isSequential(calls) || !(hasOwnIds(calls) || isTold(calls))) return false;
    const isNull = dice.chance(0.5);
    for (const { call } of calls.flatMap(({ pieces }) => pieces)) {
      if (isNull) call['index'] = null;
      else delete call['index'];
    }
    return true;
  }),
  {
    name: 'call index spelled otherwise',
    dialects: ['openai'],
    heals: true,
    apply(stream, dice) {
      const spell = dice.pick<(index: number) => unknown>([
        (index) => index + 1,
        (index) => 3 * index + 2,
        (index) => String(index),
      ]);
      const calls = chatCallsOf(stream).flatMap(({ pieces }) => pieces.map(({ call }) => call));
      if (calls.some(({ index }) => typeof index !== 'number')) return false;
      for (const call of calls) call['index'] = spell(Number(call['index']));
      return calls.length > 0;
    },
  },
];

/** A mutation of a stream whose calls are in good order. */
function chatCalls(
  name: string,
  change: (stream: MutableStream, calls: readonly ChatCall[], dice: Dice) => boolean,
): Mutation {
  return {
    name,
    dialects: ['openai'],
    heals: true,
    apply(stream, dice) {
      const calls = plainCallsOf(stream);
      return calls.length > 0 && calls.length === chatCallsOf(stream).length && change(stream, calls, dice);
    },
  };
}

function hasOwnIds(calls: readonly ChatCall[]): boolean {
  return calls.every(({ id, choice }, at) => {
    const first = calls.findIndex((other) => other.id === id && other.choice === choice);
    return id !== '' && first === at;
  });
}

/** Whether complete arguments alone part the calls: each has some, and none looks like an earlier one said twice. */
function isTold(calls: readonly ChatCall[]): boolean {
  return calls.every(
    (call, at) => saysSomething(call.text) && !calls.slice(0, at).some((earlier) => isSame(earlier, call)),
  );
}

/** Arguments with other white space, or in another order, are the same ones. */
function isSame(one: ChatCall, other: ChatCall): boolean {
  return one.name === other.name && one.choice === other.choice && sorted(one.text) === sorted(other.text);
}

function sorted(text: string): string {
  if (!isJsonText(text)) return text;
  const value = JSON.parse(text) as unknown;
  return JSON.stringify(isJson(value) ? Object.entries(value).toSorted() : value);
}

/** Whether the pieces of a call come before those of the next one of its choice. */
function isSequential(calls: readonly ChatCall[]): boolean {
  return calls.every((call, at) => {
    const next = calls.slice(at + 1).find(({ choice }) => choice === call.choice);
    return next === undefined || lastPlace([call]) <= (next.pieces[0]?.at ?? 0);
  });
}

function lastPlace(calls: readonly ChatCall[]): number {
  return Math.max(...calls.flatMap(({ pieces }) => pieces.map(({ at }: CallPiece) => at)));
}

/** Whether a piece repeats the whole name so far: then it is a repetition and no piece (contract, section 3). */
function hasWholeAgain(parts: readonly string[]): boolean {
  return parts.some((part, at) => at > 0 && part === parts.slice(0, at).join(''));
}
