import { isDeepStrictEqual } from 'node:util';
import type { DifferenceField } from '../support/upstream-inputs/input.ts';

/** What a user of OpenAI's SDK has of an answer, in one form for each way to read it. */
export interface Reading {
  text: string;
  reasoning: string;
  refusal: string;
  readonly calls: SeenCall[];
  /** Fields that chat completions do not have, by name; lists and strings of several deltas joined. */
  other: Readonly<Record<string, unknown>>;
  finish: string | null;
  usage: Fields | null;
}

export interface SeenCall {
  id: string | null;
  name: string;
  /** A string, if the server behaves. */
  arguments: unknown;
}

type Fields = Readonly<Record<string, unknown>>;

const named = new Set([
  'role',
  'content',
  'refusal',
  'reasoning_content',
  'reasoning',
  'tool_calls',
  'function_call',
  // The SDKs add it to a message themselves.
  'parsed',
]);

/** Reads chunks as OpenAI's guides do: texts are joined, and calls are joined by their index. */
export function readChunks(chunks: readonly unknown[]): Reading {
  const reading = emptyReading();
  const calls = new Map<unknown, SeenCall>();
  const callAt = (index: unknown): SeenCall => {
    const known = calls.get(index);
    if (known !== undefined) return known;
    const call: SeenCall = { id: null, name: '', arguments: '' };
    calls.set(index, call);
    reading.calls.push(call);
    return call;
  };
  for (const chunk of chunks.map(fieldsOf)) {
    if (isFields(chunk['usage'])) reading.usage = chunk['usage'];
    for (const choice of listOf(chunk['choices'])) {
      const delta = fieldsOf(choice['delta']);
      noteOutput(reading, delta);
      for (const piece of listOf(delta['tool_calls'])) {
        addPiece(callAt(piece['index']), textOf(piece['id']), fieldsOf(piece['function']));
      }
      if (isFields(delta['function_call'])) addPiece(callAt('function_call'), '', delta['function_call']);
      reading.finish = textOf(choice['finish_reason']) || reading.finish;
    }
  }
  return reading;
}

/** Reads a completion: of an answer that does not stream, or the SDK's own accumulation. */
export function readCompletion(completion: unknown): Reading {
  const reading = emptyReading();
  const { choices, usage } = fieldsOf(completion);
  if (isFields(usage)) reading.usage = usage;
  for (const choice of listOf(choices)) {
    const message = fieldsOf(choice['message']);
    noteOutput(reading, message);
    const old = message['function_call'];
    const calls = isFields(old) ? [{ function: old }] : listOf(message['tool_calls']);
    for (const call of calls.map(fieldsOf)) {
      const { name, arguments: given } = fieldsOf(call['function']);
      reading.calls.push({ id: textOf(call['id']) || null, name: textOf(name), arguments: given ?? '' });
    }
    reading.finish = textOf(choice['finish_reason']) || reading.finish;
  }
  return reading;
}

/** The parts of a reading that another one does not have, or has with another value. */
export function missingIn(other: Reading, reading: Reading): readonly DifferenceField[] {
  const missing: DifferenceField[] = [];
  for (const field of ['text', 'reasoning', 'refusal'] as const) {
    if (reading[field] !== '' && reading[field] !== other[field]) missing.push(field);
  }
  if (reading.finish !== null && reading.finish !== other.finish) missing.push('finish');
  const calls = reading.calls.every(({ id, name, arguments: given }, index) => {
    const same = other.calls[index];
    return (
      same?.name === name &&
      isDeepStrictEqual(parsed(same.arguments), parsed(given)) &&
      (id === null || id === same.id)
    );
  });
  if (!calls) missing.push('calls');
  const fields = Object.entries(reading.other).every(([field, value]) =>
    isDeepStrictEqual(other.other[field], value),
  );
  if (!fields) missing.push('other');
  if (reading.usage !== null && !holds(other.usage, reading.usage)) missing.push('usage');
  return missing;
}

/** The arguments of a call; where they are no JSON, what they are instead. */
export function parsed(given: unknown): unknown {
  if (typeof given !== 'string') return given;
  try {
    return JSON.parse(given);
  } catch {
    return given;
  }
}

/** Whether the counts of one usage stand in another one; what is null or no count is left out. */
function holds(whole: unknown, part: unknown): boolean {
  if (isFields(part)) {
    return Object.entries(part).every(([name, value]) => holds(fieldsOf(whole)[name], value));
  }
  return typeof part !== 'number' || part === 0 || whole === part;
}

function emptyReading(): Reading {
  return { text: '', reasoning: '', refusal: '', calls: [], other: {}, finish: null, usage: null };
}

function noteOutput(reading: Reading, delta: Fields): void {
  const { content } = delta;
  if (typeof content === 'string') reading.text += content;
  else if (carries(content)) addOther(reading, 'content', content);
  reading.reasoning += textOf(delta['reasoning_content'] ?? delta['reasoning']);
  reading.refusal += textOf(delta['refusal']);
  for (const [field, value] of Object.entries(delta)) {
    if (!named.has(field) && carries(value)) addOther(reading, field, value);
  }
}

function addOther(reading: Reading, field: string, value: unknown): void {
  reading.other = { ...reading.other, [field]: joined(reading.other[field], value) };
}

function addPiece(call: SeenCall, id: string, { name, arguments: given }: Fields): void {
  call.id ??= id || null;
  call.name += textOf(name);
  if (carries(given)) call.arguments = joined(call.arguments || undefined, given);
}

/** `null`, `""`, `[]` and `{}` carry nothing. */
function carries(value: unknown): boolean {
  if (value === null || value === undefined || value === '') return false;
  return typeof value !== 'object' || Object.keys(value).length > 0;
}

/** Strings and lists are joined, the fields of objects each for itself; of everything else the last one counts. */
function joined(before: unknown, value: unknown): unknown {
  if (before === undefined || before === null) return value;
  if (typeof before === 'string' && typeof value === 'string') return before + value;
  if (Array.isArray(before) && Array.isArray(value))
    return [...(before as unknown[]), ...(value as unknown[])];
  if (!isFields(before) || !isFields(value)) return value;
  const fields = Object.entries(value).map(([name, one]) => [name, joined(before[name], one)] as const);
  return { ...before, ...Object.fromEntries(fields) };
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function fieldsOf(value: unknown): Fields {
  return isFields(value) ? value : {};
}

function listOf(value: unknown): readonly Fields[] {
  return Array.isArray(value) ? value.filter(isFields) : [];
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
