import { cutText, type Dice } from '../dice.ts';
import {
  type Frame,
  isJson,
  isJsonText,
  type Json,
  type MutableStream,
  type Mutation,
  objectAt,
  objectsOf,
} from '../mutable-stream.ts';
import { functionOf, insertCalls, plainCallsOf, saysSomething, textOf } from './call-pieces.ts';
import { partsOf } from './stream-parts.ts';

/** The arguments of one call, as pieces that a mutation can change and add. */
interface ArgumentText {
  /** They say something, and are JSON. An earlier mutation may send `{}` before them. */
  readonly whole: string;
  /** Nothing but {@link whole} is sent. */
  readonly isPlain: boolean;
  readonly pieces: readonly { get(): string; set(text: string): void }[];
  /** Sends one more piece after the last one. `head`: with the id and the name of the call. Returns false in a JSON answer. */
  add(text: string, head: boolean): boolean;
}

/** Arguments that are no object, or that an upstream says twice (contract, section 3). */
export const argumentMutations: readonly Mutation[] = [
  texts('{} before the arguments', ({ pieces, isPlain }) => {
    const [first] = pieces;
    const braces = first?.get() === '' ? first : undefined;
    if (!isPlain || braces === undefined || pieces.length < 2) return false;
    braces.set('{}');
    return true;
  }),
  texts('arguments once more', ({ whole, add }, dice) => {
    return add(whole, dice.chance(0.5));
  }),
  texts('arguments once more, encoded twice', ({ whole, isPlain, pieces, add }, dice) => {
    if (!isPlain || dice.chance(0.5)) return add(JSON.stringify(whole), dice.chance(0.5));
    for (const [at, piece] of pieces.entries()) piece.set(at === 0 ? JSON.stringify(whole) : '');
    return true;
  }),
  texts('arguments cumulative', ({ pieces, isPlain }) => {
    if (!isPlain || pieces.length < 2) return false;
    let sum = '';
    for (const piece of pieces) {
      sum += piece.get();
      piece.set(sum);
    }
    return true;
  }),
  texts('arguments in other pieces', ({ whole, pieces, isPlain }, dice) => {
    if (!isPlain) return false;
    const cut = cutText(whole, pieces.length - 1, dice);
    for (const [at, piece] of pieces.entries()) piece.set(cut[at] ?? '');
    return cut.length <= pieces.length;
  }),
  {
    name: 'arguments as an object',
    dialects: ['openai', 'anthropic'],
    heals: true,
    apply(stream, dice) {
      return stream.dialect === 'openai' ? objectsInDeltas(stream) : inputsInStarts(stream, dice);
    },
  },
  {
    name: 'no arguments spelled otherwise',
    dialects: ['openai', 'anthropic', 'gemini'],
    heals: true,
    apply: spellNothing,
  },
  {
    name: 'arguments as a text',
    dialects: ['gemini'],
    // The API sends an object; a text is read or refused.
    heals: false,
    apply(stream) {
      const calls = geminiCallsOf(stream).filter(({ args }) => isJson(args));
      for (const call of calls) call['args'] = JSON.stringify(call['args']);
      return calls.length > 0;
    },
  },
];

/** A mutation of the arguments of some calls that say something. */
function texts(name: string, change: (text: ArgumentText, dice: Dice) => boolean): Mutation {
  return {
    name,
    dialects: ['openai', 'anthropic'],
    heals: true,
    apply(stream, dice) {
      const found = stream.dialect === 'openai' ? chatArguments(stream) : blockArguments(stream);
      const all = found.filter(({ whole }) => saysSomething(whole) && isObjectText(whole));
      const chosen = dice.chance(0.5) ? all : all.filter((_, at) => at === 0);
      return chosen.filter((one) => change(one, dice)).length > 0;
    },
  };
}

function chatArguments(stream: MutableStream): readonly ArgumentText[] {
  return plainCallsOf(stream).map(({ id, name, text, pieces }) => ({
    ...wholeOf(text),
    pieces: pieces.map(({ call }) => ({
      get: () => textOf(functionOf(call)['arguments']),
      set: (piece) => {
        call['function'] = { ...functionOf(call), arguments: piece };
      },
    })),
    add(piece, head) {
      const last = pieces.at(-1);
      if (last === undefined || stream.form !== 'stream') return false;
      const { index } = last.call;
      const call = head
        ? { index, id, type: 'function', function: { name, arguments: piece } }
        : { index, function: { arguments: piece } };
      insertCalls(stream, last, last, [call]);
      return true;
    },
  }));
}

/** Whether it is the JSON of an object: earlier mutations may encode that once more. */
function isObjectText(text: string): boolean {
  return /^\s*\{/.test(text) && isJsonText(text);
}

function wholeOf(text: string): Pick<ArgumentText, 'whole' | 'isPlain'> {
  const whole = text.replace(/^\{\}(?=\s*\{)/, '');
  return { whole, isPlain: whole === text };
}

function blockArguments(stream: MutableStream): readonly (ArgumentText & { readonly index: unknown })[] {
  const deltas = new Map<unknown, { readonly frame: Frame; readonly delta: Json }[]>();
  for (const { frame, json } of partsOf(stream)) {
    const delta = objectAt(json, 'delta');
    if (delta['type'] !== 'input_json_delta') continue;
    deltas.set(json['index'], [...(deltas.get(json['index']) ?? []), { frame, delta }]);
  }
  return [...deltas].map(([index, pieces]) => ({
    index,
    ...wholeOf(pieces.map(({ delta }) => textOf(delta['partial_json'])).join('')),
    pieces: pieces.map(({ delta }) => ({
      get: () => textOf(delta['partial_json']),
      set: (piece) => {
        delta['partial_json'] = piece;
      },
    })),
    add(piece) {
      const last = pieces.at(-1);
      if (last === undefined) return false;
      const delta = { type: 'input_json_delta', partial_json: piece };
      const data = { type: 'content_block_delta', index, delta };
      stream.frames.splice(stream.frames.indexOf(last.frame) + 1, 0, { ...last.frame, data });
      return true;
    },
  }));
}

function objectsInDeltas(stream: MutableStream): boolean {
  const whole = plainCallsOf(stream).filter(
    ({ text, pieces }) =>
      pieces.every(({ call }, at) => at === 0 || functionOf(call)['arguments'] === '') && isObjectText(text),
  );
  for (const { text, pieces } of whole) {
    const call = pieces[0]?.call;
    if (call !== undefined)
      call['function'] = { ...functionOf(call), arguments: JSON.parse(text) as unknown };
  }
  return whole.length > 0;
}

/** The input stands whole in the start of its block: instead of the deltas, or beside them. */
function inputsInStarts(stream: MutableStream, dice: Dice): boolean {
  let found = false;
  for (const { whole, pieces, index } of blockArguments(stream)) {
    const start = partsOf(stream).find(
      ({ json }) => json['type'] === 'content_block_start' && json['index'] === index,
    );
    if (!saysSomething(whole) || !isObjectText(whole) || start === undefined) continue;
    objectAt(start.json, 'content_block')['input'] = JSON.parse(whole) as unknown;
    if (dice.chance(0.5)) for (const piece of pieces) piece.set('');
    found = true;
  }
  return found;
}

function spellNothing(stream: MutableStream, dice: Dice): boolean {
  let found = false;
  if (stream.dialect === 'openai') {
    for (const { text, pieces } of plainCallsOf(stream)) {
      const head = pieces[0]?.call;
      if (saysSomething(text) || head === undefined) continue;
      for (const { call } of pieces) call['function'] = { ...functionOf(call), arguments: '' };
      // White space may be the beginning of arguments for which there were no more tokens.
      const blank = stream.expected.choices.some(({ finish }) => finish === 'length') ? '' : ' \n';
      const args = dice.pick<unknown>(['null', '[]', '', blank, null, [], {}, '{}', '[ ]', undefined]);
      head['function'] = { ...functionOf(head), arguments: args };
      found = true;
    }
    return found;
  }
  if (stream.dialect === 'gemini') {
    for (const call of geminiCallsOf(stream)) {
      if (isJson(call['args']) && Object.keys(call['args']).length > 0) continue;
      call['args'] = dice.pick<unknown>([null, undefined, [], {}, '', '{}', 'null']);
      found = true;
    }
    return found;
  }
  for (const { json } of partsOf(stream)) {
    const block = objectAt(json, 'content_block');
    if (block['type'] !== 'tool_use' || Object.keys(objectAt(block, 'input')).length > 0) continue;
    block['input'] = dice.pick<unknown>([{}, null, undefined, [], '']);
    found = true;
  }
  for (const { whole, pieces } of blockArguments(stream)) {
    if (!saysSomething(whole)) pieces[0]?.set(dice.pick(['', '{}', 'null', '[]']));
  }
  return found;
}

function geminiCallsOf(stream: MutableStream): readonly Json[] {
  return partsOf(stream)
    .flatMap(({ holder }) => objectsOf(objectAt(holder, 'content')['parts']))
    .flatMap((part) => (isJson(part['functionCall']) ? [part['functionCall']] : []));
}
