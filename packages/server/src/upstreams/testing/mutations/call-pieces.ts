import { type Frame, isJson, type Json, type MutableStream, objectAt, objectsOf } from '../mutable-stream.ts';
import { deltaOf, partsOf } from './stream-parts.ts';

/** One call of a stream of an OpenAI-compatible upstream, with its pieces as they stand in the frames. */
export interface ChatCall {
  readonly choice: number;
  readonly name: string;
  readonly id: string;
  /** The joined arguments. */
  readonly text: string;
  readonly pieces: readonly CallPiece[];
}

export interface CallPiece {
  readonly frame: Frame;
  /** The place of its frame. */
  readonly at: number;
  /** The delta that lists it. */
  readonly delta: Json;
  readonly call: Json;
}

/** The calls of a stream, where each has its index, its name on its first piece, and arguments that are texts. */
export function chatCallsOf(stream: MutableStream): readonly ChatCall[] {
  const calls = new Map<string, CallPiece[]>();
  for (const { frame, at, holder, choice } of partsOf(stream)) {
    const delta = deltaOf(holder);
    for (const [place, call] of objectsOf(delta['tool_calls']).entries()) {
      const index = call['index'] ?? (stream.form === 'json' ? place : undefined);
      const key = `${stream.choices === 1 ? 0 : choice} ${String(index)}`;
      calls.set(key, [...(calls.get(key) ?? []), { frame, at, delta, call }]);
    }
  }
  return [...calls].map(([key, pieces]) => ({
    choice: Number(key.split(' ')[0]),
    name: textOf(functionOf(pieces[0]?.call)['name']),
    id: textOf(pieces[0]?.call['id']),
    text: pieces.map(({ call }) => textOf(functionOf(call)['arguments'])).join(''),
    pieces,
  }));
}

/** The calls of a stream where their order and pieces are as mutations of calls need them; none otherwise. */
export function plainCallsOf(stream: MutableStream): readonly ChatCall[] {
  const calls = chatCallsOf(stream);
  const isPlain = calls.every(
    ({ name, pieces }) =>
      name !== '' &&
      pieces.every(({ call, delta }, at) => {
        const { name: again, arguments: args } = functionOf(call);
        return (
          !('function_call' in delta) &&
          (at === 0 || (textOf(again) === '' && textOf(call['id']) === '')) &&
          (args === undefined || typeof args === 'string')
        );
      }),
  );
  return isPlain && !calls.some(isRepetition) ? calls : [];
}

/** Two calls with the same id, or with everything equal, may be one call said twice. */
function isRepetition(call: ChatCall, at: number, calls: readonly ChatCall[]): boolean {
  return calls
    .slice(0, at)
    .some((other) => other.choice === call.choice && other.id === call.id && call.id !== '');
}

export function functionOf(call: Json | undefined): Json {
  return call === undefined ? {} : objectAt(call, 'function');
}

export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** Arguments that say something: neither nothing nor an object without members. */
export function saysSomething(text: string): boolean {
  return !/^\s*(?:\{\s*\})?\s*$/.test(text);
}

/** Inserts a frame like the one of a piece, with these calls only, after the frame of another. */
export function insertCalls(
  { frames, expected }: MutableStream,
  { frame, delta }: CallPiece,
  after: CallPiece,
  calls: readonly Json[],
): void {
  if (!isJson(frame.data)) return;
  const { usage: _, ...envelope } = frame.data;
  const holder = objectsOf(envelope['choices']).find((choice) => deltaOf(choice) === delta);
  const index = holder?.['index'] === undefined ? {} : { index: holder['index'] };
  const data = { ...envelope, choices: [{ ...index, delta: { tool_calls: calls }, finish_reason: null }] };
  frames.splice(frames.indexOf(after.frame) + 1, 0, { ...frame, data });
  // Counts that stand before the last output may be marked as estimated.
  expected.mayBeMarked ||= isJson(after.frame.data) && 'usage' in after.frame.data;
}

/** Takes a piece out of its delta. */
export function removePiece({ delta, call }: CallPiece): void {
  const left = objectsOf(delta['tool_calls']).filter((one) => one !== call);
  if (left.length === 0) delete delta['tool_calls'];
  else delta['tool_calls'] = left;
}
