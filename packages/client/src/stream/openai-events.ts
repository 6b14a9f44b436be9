import { openaiParser, parseCompletion } from '../structured/parse-output.ts';
import { createPartialJson, type PartialJson } from '../structured/partial-json.ts';
import type {
  ChatCompletion,
  ChatCompletionChunk,
  ChatCompletionChunkChoice,
  ChatCompletionCreateParamsBase,
  ChatCompletionMessageToolCall,
  ChatCompletionSnapshot,
  ChoiceSnapshot,
} from '../types/chat.ts';
import type { Emit } from './contract.ts';
import { hasToolCalls } from './snapshot.ts';

/** What was asked for, as far as it says how the answer is read. */
export type AskedOutput = Pick<ChatCompletionCreateParamsBase, 'response_format' | 'tools'>;

/** A helper of one stream; it has its chunks and its whole answer before the stream's own listeners. */
export interface OpenAIEvents {
  chunk(chunk: ChatCompletionChunk, snapshot: ChatCompletionSnapshot): void;
  /** Reads the JSON of the answer. Rejects as `parse()` does. */
  finish(completion: ChatCompletion): Promise<void>;
}

/** Text that grows, with what its JSON says so far. */
interface Growing {
  text: string;
  readonly json: PartialJson | undefined;
}

/**
 * What openai's `ChatCompletionStream` has more than a stream of ours: events for each piece of output, and JSON that is read while it
 * comes. Loaded with the first listener for such an event, or where `stream()` was asked for JSON.
 *
 * Differences: `tool_calls.function.arguments.done` of the last call comes with the end of the answer, because sloppy servers may add to
 * it until then; and `parsed` is the same object each time, grown.
 */
export function createOpenAIEvents(emit: Emit, request: AskedOutput): OpenAIEvents {
  const { response_format: format, tools = [] } = request;
  const strict = new Map(
    tools
      .filter((tool) => tool.function.strict || openaiParser(tool))
      .map((tool) => [tool.function.name, openaiParser(tool) ?? JSON.parse]),
  );
  const isJson = format?.type === 'json_schema';
  const growing = new Map<string, Growing>();
  /** For each choice the first call that is not done. */
  const begun = new Map<number, number>();

  /** The text at one place, grown to `text`; `isRead`: as JSON. */
  function grow(place: string, text: string, isRead: boolean): { delta: string; parsed: unknown } {
    let at = growing.get(place);
    if (at === undefined) {
      at = { text: '', json: isRead ? createPartialJson() : undefined };
      growing.set(place, at);
    }
    const delta = text.startsWith(at.text) ? text.slice(at.text.length) : text;
    at.text = text;
    at.json?.push(delta);
    return { delta, parsed: at.json?.value ?? null };
  }

  function choiceChunk(given: ChatCompletionChunkChoice, choice: ChoiceSnapshot): void {
    const { delta = {}, logprobs } = given;
    const { index, message } = choice;
    if (delta.content) {
      const { content } = message;
      const { parsed } = grow(`${index}`, content ?? '', isJson);
      emit('content.delta', { delta: delta.content, snapshot: content, parsed });
    }
    if (delta.refusal) emit('refusal.delta', { delta: delta.refusal, snapshot: message.refusal });
    for (const kind of ['content', 'refusal'] as const) {
      const pieces = logprobs?.[kind];
      if (pieces) emit(`logprobs.${kind}.delta`, { [kind]: pieces, snapshot: choice.logprobs?.[kind] ?? [] });
    }
    // Those before the last one that was begun are done: time is linear in the number of calls.
    const calls = hasToolCalls(given) ? (message.tool_calls ?? []) : [];
    for (let at = begun.get(index) ?? 0; at < calls.length; at += 1) {
      const call = calls[at] as ChatCompletionMessageToolCall;
      const { name, arguments: text } = call.function;
      const place = `${index}/${at}`;
      if (text === growing.get(place)?.text) continue;
      const { delta: piece, parsed } = grow(place, text, strict.has(name));
      const so = { name, index: at, arguments: text, parsed_arguments: parsed, arguments_delta: piece };
      if (piece) emit('tool_calls.function.arguments.delta', so);
    }
    callsDone(choice, calls.length - 1);
  }

  /** The calls before this one: nothing can be added to them. */
  function callsDone({ index, message }: Pick<ChoiceSnapshot, 'index' | 'message'>, before: number): void {
    const calls = message.tool_calls ?? [];
    for (let at = begun.get(index) ?? 0; at < Math.min(before, calls.length); at += 1) {
      begun.set(index, at + 1);
      const { name, arguments: text } = (calls[at] as ChatCompletionMessageToolCall).function;
      const parsed = strict.get(name)?.(text) ?? null;
      emit('tool_calls.function.arguments.done', {
        name,
        index: at,
        arguments: text,
        parsed_arguments: parsed,
      });
    }
  }

  return {
    chunk({ choices }, snapshot) {
      for (const given of choices) {
        const choice = snapshot.choices.find(({ index }) => index === (given.index ?? 0));
        if (choice !== undefined) choiceChunk(given, choice);
      }
    },
    async finish(completion) {
      const isParsed = isJson || strict.size > 0;
      const parsed = isParsed ? await parseCompletion(completion, request) : undefined;
      for (const [at, choice] of completion.choices.entries()) {
        const { message, logprobs } = choice;
        if (parsed !== undefined) Object.assign(message, parsed.choices[at]?.message);
        const value = (message as { parsed?: unknown }).parsed ?? null;
        callsDone(choice, Number.POSITIVE_INFINITY);
        if (message.content) emit('content.done', { content: message.content, parsed: value });
        if (message.refusal) emit('refusal.done', { refusal: message.refusal });
        for (const kind of ['content', 'refusal'] as const)
          if (logprobs?.[kind]) emit(`logprobs.${kind}.done`, { [kind]: logprobs[kind] });
      }
      emit('chatCompletion', completion);
      const message = completion.choices[0]?.message;
      if (message === undefined) return;
      emit('message', message);
      for (const call of message.tool_calls ?? []) emit('functionToolCall', call.function);
      const last = message.tool_calls?.at(-1);
      if (last !== undefined) emit('finalFunctionToolCall', last.function);
      if (completion.usage) emit('totalUsage', completion.usage);
    },
  };
}
