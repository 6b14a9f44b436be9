import { APIError, APIUserAbortError } from '../errors/errors.ts';
import type { ChatStream } from '../stream/contract.ts';
import { firstDelta } from '../stream/snapshot.ts';
import type { ChatCompletionMessageToolCall } from '../types/chat.ts';
import type { UIMessageChunk, UIMessageStreamInit } from './ui-message-chunk.ts';

/** The frames of `toUIMessageStreamResponse`. */
export async function* uiMessageFrames(
  stream: ChatStream,
  init?: UIMessageStreamInit,
): AsyncGenerator<string, void, undefined> {
  let last: UIMessageChunk['type'] | undefined;
  for await (const chunk of toUIMessageChunks(stream, init)) {
    last = chunk.type;
    yield `data: ${JSON.stringify(chunk)}\n\n`;
  }
  if (last === 'finish') yield 'data: [DONE]\n\n';
}

/** The same chunks as objects, for code that sends them in another way. It never throws: an error is the last chunk. */
export async function* toUIMessageChunks(
  stream: ChatStream,
  { messageId, messageMetadata, sendFinishReason, onError = textOf }: UIMessageStreamInit = {},
): AsyncGenerator<UIMessageChunk, void, undefined> {
  /** The part that is open, and how many there were. */
  let open: 'text' | 'reasoning' | undefined;
  let parts = 0;
  /** How much of the arguments of each call was sent. */
  const sent: number[] = [];
  const calls = (): readonly ChatCompletionMessageToolCall[] =>
    stream.snapshot.choices[0]?.message.tool_calls ?? [];

  function* switchTo(part: typeof open): Generator<UIMessageChunk> {
    if (open === part) return;
    if (open !== undefined) yield { type: `${open}-end`, id: String(parts) };
    open = part;
    if (part === undefined) return;
    parts += 1;
    yield { type: `${part}-start`, id: String(parts) };
  }

  function* say(part: 'text' | 'reasoning', delta: string | null | undefined): Generator<UIMessageChunk> {
    if (!delta) return;
    yield* switchTo(part);
    yield { type: `${part}-delta`, id: String(parts), delta };
  }

  function* grow(): Generator<UIMessageChunk> {
    for (const [at, { id: toolCallId, function: called }] of calls().entries()) {
      if (sent[at] === undefined) {
        yield* switchTo(undefined);
        yield { type: 'tool-input-start', toolCallId, toolName: called.name };
      }
      const inputTextDelta = called.arguments.slice(sent[at] ?? 0);
      sent[at] = called.arguments.length;
      if (inputTextDelta !== '') yield { type: 'tool-input-delta', toolCallId, inputTextDelta };
    }
  }

  try {
    yield { type: 'start', ...(messageId === undefined ? {} : { messageId }) };
    yield { type: 'start-step' };
    for await (const chunk of stream) {
      const delta = firstDelta(chunk);
      yield* say('reasoning', delta?.reasoning_content ?? delta?.reasoning);
      yield* say('text', delta?.content ?? delta?.refusal);
      if (delta?.tool_calls) yield* grow();
    }
    const completion = await stream.finalCompletion();
    yield* grow();
    yield* switchTo(undefined);
    for (const call of calls()) yield inputOf(call);
    yield { type: 'finish-step' };
    const metadata = messageMetadata?.(completion);
    const reason = completion.choices[0]?.finish_reason;
    yield {
      type: 'finish',
      ...(sendFinishReason ? { finishReason: finishReasons[reason ?? ''] ?? 'other' } : {}),
      ...(metadata === undefined ? {} : { messageMetadata: metadata }),
    };
  } catch (error) {
    yield* switchTo(undefined);
    yield error instanceof APIUserAbortError
      ? { type: 'abort' }
      : { type: 'error', errorText: onError(error) };
  }
}

const finishReasons: Readonly<Record<string, string>> = {
  stop: 'stop',
  length: 'length',
  tool_calls: 'tool-calls',
  function_call: 'tool-calls',
  content_filter: 'content-filter',
};

function inputOf({ id: toolCallId, function: called }: ChatCompletionMessageToolCall): UIMessageChunk {
  const tool = { toolCallId, toolName: called.name };
  try {
    return { type: 'tool-input-available', ...tool, input: JSON.parse(called.arguments) };
  } catch {
    const errorText = 'The arguments are no JSON.';
    return { type: 'tool-input-error', ...tool, input: called.arguments, errorText };
  }
}

function textOf(error: unknown): string {
  return error instanceof APIError ? error.message : 'The stream broke.';
}
