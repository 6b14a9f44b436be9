import type { RightUsage, UpstreamInput } from './input.ts';

/** Parts of OpenAI's answers, as compatible servers write them, right or wrong. */

export type Json = Readonly<Record<string, unknown>>;

const head = { id: 'chatcmpl-input', object: 'chat.completion.chunk', created: 1, model: 'input' };

/** What {@link usage} and {@link completion} count. */
export const counted: RightUsage = { prompt: 7, completion: 3 };
export const usageCounts = { prompt_tokens: 7, completion_tokens: 3, total_tokens: 10 };

/** One event, framed. */
export function event(value: unknown): string {
  return `data: ${typeof value === 'string' ? value : JSON.stringify(value)}\n\n`;
}

export function chunk(choices: readonly Json[], more: Json = {}): string {
  return event({ ...head, choices, ...more });
}

/** `choice` adds to the choice or replaces its fields, its index for one; an undefined field is left out. */
export function delta(fields: unknown, choice: Json = {}): string {
  return chunk([{ index: 0, delta: fields, finish_reason: null, ...choice }]);
}

export const role = (choice: Json = {}): string => delta({ role: 'assistant', content: '' }, choice);
export const text = (content: string, choice: Json = {}): string => delta({ content }, choice);
export const finish = (reason: unknown = 'stop', choice: Json = {}): string =>
  delta({}, { finish_reason: reason, ...choice });
/** A field of a choice that carries a finish as well. */
export const finishing = (reason: unknown = 'stop'): Json => ({ finish_reason: reason });
export const usage = (counts: unknown = usageCounts): string => chunk([], { usage: counts });
export const done = 'data: [DONE]\n\n';

interface CallPiece {
  /** Default 0; `absent`: the field is left out. */
  readonly index?: unknown;
  readonly id?: unknown;
  readonly name?: unknown;
  readonly args?: unknown;
}

/** A piece of a tool call, as an entry of `tool_calls`. */
export function callPiece({ index = 0, id, name, args }: CallPiece): Json {
  return {
    ...(index === 'absent' ? {} : { index }),
    ...(id === undefined ? {} : { id }),
    type: 'function',
    function: {
      ...(name === undefined ? {} : { name }),
      ...(args === undefined ? {} : { arguments: args }),
    },
  };
}

/** A piece of a tool call in an event of its own. */
export function call(piece: CallPiece, choice: Json = {}): string {
  return delta({ tool_calls: [callPiece(piece)] }, choice);
}

type Whole = Omit<UpstreamInput, 'name' | 'oddity' | 'upstream' | 'form' | 'body'>;
type MakesStream = (name: string, events: readonly string[], rest: Whole) => UpstreamInput;

/** Makes the inputs of one oddity. */
export function openaiInputs(oddity: UpstreamInput['oddity']) {
  const input = (form: UpstreamInput['form']) => {
    return (name: string, body: UpstreamInput['body'], rest: Whole): UpstreamInput => ({
      name,
      oddity,
      upstream: 'openai',
      form,
      body,
      ...rest,
    });
  };
  const raw = input('stream');
  return {
    /** A stream of which every byte is given. */
    raw,
    /** A stream that has its usage and `[DONE]` after these events. */
    stream: ((name, events, rest) => raw(name, [...events, usage(), done], rest)) as MakesStream,
    /** A JSON answer. */
    json: (name: string, value: unknown, rest: Whole) => input('json')(name, [JSON.stringify(value)], rest),
  };
}

/** A completion with one choice; `choice` adds to the choice, `more` to the completion. */
export function completion(message: Json, choice: Json = {}, more: Json = {}): Json {
  return {
    ...head,
    object: 'chat.completion',
    choices: [
      {
        index: 0,
        message: { role: 'assistant', content: null, ...message },
        finish_reason: 'stop',
        ...choice,
      },
    ],
    usage: usageCounts,
    ...more,
  };
}
