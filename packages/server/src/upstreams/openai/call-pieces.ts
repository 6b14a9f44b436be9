import { isBlank, isObject, type JsonObject, type JsonValue } from '../../domain/json.ts';
import { usableCallId } from '../http/answer/answer-budget.ts';
import type { CallPiece } from '../http/answer/tool-calls.ts';
import { argumentsText, asIndex, asObject, jsonOf } from '../http/unknown-json.ts';

/**
 * Decodes the tool calls of a delta, or of a `message` whose calls are whole. `function_call`, which `tool_calls` has replaced,
 * is a call too; beside `tool_calls` it is a copy (llama.cpp's Python server). Undefined where a call cannot be read.
 */
export function decodeCalls(delta: JsonObject, isMessage: boolean): readonly CallPiece[] | undefined {
  const listed = listOf(delta['tool_calls']);
  if (listed === undefined) return undefined;
  const calls = listed.filter((item) => item !== null);
  const old = delta['function_call'];
  if (calls.length === 0 && isFilled(old)) {
    const piece = decodeFunction(old);
    return piece === undefined ? undefined : [{ index: 0, ...piece }];
  }
  const pieces: CallPiece[] = [];
  for (const item of calls) {
    const piece = decodeCall(item);
    if (piece === undefined) return undefined;
    pieces.push(piece);
  }
  // Each item of a message is a call of its own, also where all have the same index. So is each item of a list in a delta where
  // none has an index.
  const given = new Set(pieces.map(({ index }) => index));
  const isNumbered = isMessage ? !given.has(undefined) && given.size === pieces.length : !isUnnumbered(given);
  if (pieces.length < 2 || isNumbered) return pieces;
  return pieces.map((piece, index) => ({ ...piece, index, listed: true }));
}

function isUnnumbered(indexes: ReadonlySet<number | undefined>): boolean {
  return indexes.size === 1 && indexes.has(undefined);
}

function isFilled(value: unknown): boolean {
  return !isBlank(value) && value !== false;
}

/** PHP writes an empty list as an object, and a list of which an item was removed as an object with its indexes. */
function listOf(value: unknown): readonly JsonValue[] | undefined {
  if (!isFilled(value)) return [];
  if (Array.isArray(value)) return value;
  const object = asObject(value);
  if (object === undefined) return undefined;
  if ('function' in object) return [object];
  const entries = Object.entries(object);
  if (!entries.every(([name]) => /^\d{1,6}$/.test(name))) return undefined;
  return entries.map(([name, item]) => (isObject(item) ? { index: Number(name), ...item } : item));
}

function decodeCall(item: JsonValue): CallPiece | undefined {
  const call = asObject(item);
  if (call === undefined) return undefined;
  const { index, id, function: called = null, extra_content: extra, ...others } = call;
  const hasFunction = isFilled(called);
  // A call of another kind, such as `custom`, is output that this decoder does not know.
  if (!hasFunction && others['type'] === 'custom') return undefined;
  const piece = decodeFunction(hasFunction ? called : {}, others);
  const place = asIndex(index);
  const givenId = typeof id === 'number' ? String(id) : id;
  return (
    piece && {
      ...piece,
      ...(place === undefined ? {} : { index: place }),
      ...(typeof givenId === 'string' && givenId !== '' ? { id: usableCallId(givenId) } : {}),
      ...(isObject(extra) && jsonOf(extra) !== undefined ? { extra } : {}),
    }
  );
}

/** The names under which upstreams send arguments. The first one that is filled counts. */
const argumentNames = ['arguments', 'parameters', 'args', 'input'] as const;

/** The members of a function that are no arguments. */
const namedInFunction: ReadonlySet<string> = new Set([
  'name',
  'description',
  'strict',
  'type',
  'index',
  'id',
  'call_id',
  'extra_content',
  'thought_signature',
  ...argumentNames,
]);

/** `beside`: the members of the call beside its function, where some upstreams put the name and the arguments. */
function decodeFunction(
  value: unknown,
  beside: JsonObject = {},
): Pick<CallPiece, 'name' | 'arguments'> | undefined {
  const called = asObject(value);
  if (called === undefined) return undefined;
  const given = argumentsIn(called) ?? argumentsIn(beside);
  // Without arguments, a member that this decoder does not know may be them.
  if (given === undefined && mayHoldArguments(called, beside)) return undefined;
  const text = argumentsText(given ?? called['arguments'] ?? beside['arguments']);
  if (text === undefined) return undefined;
  const name = [called['name'], beside['name']].find((one) => typeof one === 'string' && one !== '');
  return {
    ...(typeof name === 'string' ? { name } : {}),
    ...(text === '' ? {} : { arguments: text }),
  };
}

function argumentsIn(members: JsonObject): JsonValue | undefined {
  const name = argumentNames.find((one) => !isBlank(members[one]));
  return name === undefined ? undefined : members[name];
}

/** In place of a function an object may be a call of another kind; beside one it describes the call. */
function mayHoldArguments(called: JsonObject, beside: JsonObject): boolean {
  const members = Object.entries(called);
  if (members.length === 0) return Object.values(beside).some((value) => isObject(value) && !isBlank(value));
  return members.some(
    ([name, value]) =>
      !namedInFunction.has(name) &&
      !isBlank(value) &&
      (typeof value === 'object' || typeof value === 'string'),
  );
}
