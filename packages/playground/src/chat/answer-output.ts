import { isObject } from '../api/json.ts';
import type { ToolCall } from './message-tree.ts';

/** What one choice of an answer has said so far. */
export interface Output {
  readonly text: string;
  readonly thoughts: string;
  /** In their order; undefined where there are none. */
  readonly calls?: readonly ToolCall[] | undefined;
}

export interface OpenOutput {
  current(): Output;
  isEmpty(): boolean;
  /** Takes the `delta` of a chunk, or the `message` of a whole answer. Tells what it has carried; undefined: no output. */
  take(delta: Readonly<Record<string, unknown>>): 'thoughts' | 'answer' | undefined;
}

export function openOutput(): OpenOutput {
  let text = '';
  let thoughts = '';
  /** By the index that the stream gives them. */
  const calls = new Map<number, { id: string; name: string; arguments: string }>();

  function takeCall(piece: unknown, at: number): boolean {
    if (!isObject(piece)) return false;
    const index = typeof piece['index'] === 'number' ? piece['index'] : at;
    const call = calls.get(index) ?? { id: '', name: '', arguments: '' };
    calls.set(index, call);
    if (typeof piece['id'] === 'string') call.id = piece['id'];
    const { name, arguments: more } = isObject(piece['function']) ? piece['function'] : {};
    if (typeof name === 'string') call.name = name;
    if (typeof more === 'string') call.arguments += more;
    return true;
  }

  return {
    current: () => ({
      text,
      thoughts,
      ...(calls.size === 0 ? {} : { calls: [...calls.values()].map((call) => ({ ...call })) }),
    }),
    isEmpty: () => text === '' && thoughts === '' && calls.size === 0,
    take({ content, refusal, reasoning_content: reasoning, tool_calls: pieces }) {
      const said = [content, refusal].filter((piece) => typeof piece === 'string').join('');
      const thought = typeof reasoning === 'string' ? reasoning : '';
      text += said;
      thoughts += thought;
      const called = Array.isArray(pieces)
        ? pieces.filter((piece: unknown, at) => takeCall(piece, at)).length > 0
        : false;
      if (said !== '' || called) return 'answer';
      return thought === '' ? undefined : 'thoughts';
    },
  };
}
