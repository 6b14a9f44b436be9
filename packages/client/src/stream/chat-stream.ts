import { APIUserAbortError, StreamTruncatedError, TailraceError } from '../errors/errors.ts';
import { streamedBody } from '../responses/body.ts';
import { toSSEResponse, toTextResponse, toUIMessageStreamResponse } from '../responses/responses.ts';
import type { UIMessageStreamInit } from '../responses/ui-message-chunk.ts';
import type { PartialOutput } from '../structured/contract.ts';
import type { StandardSchema } from '../structured/standard-schema.ts';
import type {
  ChatCompletion,
  ChatCompletionChunk,
  ChatCompletionMessage,
  ChatCompletionTool,
  CompletionUsage,
} from '../types/chat.ts';
import type { ChatStream, ChatStreamEvents, Emit } from './contract.ts';
import type { AskedOutput, OpenAIEvents } from './openai-events.ts';
import type { Consumer, Delivery, Ending, StreamReader } from './reader.ts';
import { createSnapshotBuilder, firstDelta, hasToolCalls, type ToolCallsBuilder } from './snapshot.ts';

type Listener = (...values: unknown[]) => void;

/** Events that are no output: who listens to any other one wants to have the stream read. */
const asides = /^(reconnect|error|abort|end)$/;

/** Puts the calls of a choice together; loaded with the first call that a stream has, because most streams have none. */
let toolCalls: { createToolCalls(): ToolCallsBuilder } | undefined;

/** Events that OpenAI's helper for streams has, and few programs listen to: what they need is loaded with the first listener. */
const openaiOnly = /\.|^(connect|message|chatC|totalU)|unctionT/;

export interface ChatStreamForm {
  /** Where it begins. */
  readonly from?: Delivery;
  /** What was asked for; `isHelper`: by `stream()`, whose answers have their JSON read. */
  readonly asked?: AskedOutput | undefined;
  readonly isHelper?: boolean;
}

/** One form of a stream; each branch of a `tee()` is one of its own. */
export function createChatStream(reader: StreamReader, form: ChatStreamForm = {}): ChatStream {
  const { from = reader.last, asked = {}, isHelper } = form;
  const builder = createSnapshotBuilder(() => toolCalls?.createToolCalls());
  const { snapshot } = builder;
  /** For each event its listeners, and whether they listen once. */
  const listeners = new Map<string, Map<Listener, boolean>>();
  /** What was delivered last. */
  let last = from;
  let hasBegun = false;
  /** It has an iterator, or branches. */
  let isClaimed = false;
  /** How this form has ended before the stream: its iterator has left, or it was split. */
  let leaving: Ending | undefined;
  let isSettled = false;
  let whole: ChatCompletion | undefined;
  /** Something of the caller hears an error. */
  let isHeard = false;
  let driving: Promise<void> | undefined;
  let reading: Promise<void> | undefined;
  let resolve: (completion: ChatCompletion) => void;
  let reject: (error: Error) => void;
  const completed = new Promise<ChatCompletion>((...both) => {
    [resolve, reject] = both;
  });
  completed.catch(ignore);

  const consumer: Consumer = (reconnect) => emit('reconnect', reconnect);
  reader.consumers.add(consumer);

  const emit: Emit = (event, ...values) => {
    for (const [listener, isOnce] of listeners.get(event) ?? []) {
      if (isOnce) listeners.get(event)?.delete(listener);
      try {
        listener(...values);
      } catch (error) {
        // As with an event target: a listener's mistake is its own, and is not lost.
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  };

  const endingNow = (): Ending | undefined => leaving ?? reader.ending;

  /** What OpenAI's helper has more. Nothing is delivered while it is being loaded. */
  let extras: OpenAIEvents | undefined;
  let loading: Promise<void> | undefined;

  function loadExtras(): void {
    loading ??= import('./openai-events.ts').then(({ createOpenAIEvents }) => {
      extras = createOpenAIEvents(emit, asked);
    });
  }
  if (isHelper && (asked.response_format?.type === 'json_schema' || asked.tools?.some(isStrict)))
    loadExtras();

  const hasCode = (): boolean => toolCalls !== undefined || !last.next?.chunk?.choices.some(hasToolCalls);
  const isReadable = (): boolean => (extras !== undefined || loading === undefined) && hasCode();

  /** False where nothing is there to deliver. Who has stopped listening hears nothing more. */
  function deliverNext(): boolean {
    const { next } = last;
    if (!next?.chunk || leaving || reader.ending?.type === 'aborted') return false;
    last = next;
    hasBegun = true;
    builder.add(next.chunk);
    if (listeners.size > 0) tell(next.chunk);
    extras?.chunk(next.chunk, snapshot);
    return true;
  }

  function tell(chunk: ChatCompletionChunk): void {
    emit('chunk', chunk, snapshot);
    const delta = firstDelta(chunk);
    const message = snapshot.choices[0]?.message;
    if (delta?.content) {
      emit('text', delta.content, message?.content);
      emit('content', delta.content, message?.content);
    }
    const reasoning = delta?.reasoning_content ?? delta?.reasoning;
    if (reasoning) emit('reasoning', reasoning, message?.reasoning_content);
  }

  function finish(): ChatCompletion {
    whole ??= builder.finish();
    return whole;
  }

  /** Behind the last chunk: promises and listeners hear how the stream has ended. */
  function settle(how: Ending): void {
    if (isSettled) return;
    isSettled = true;
    if (how.type === 'whole') {
      const completion = finish();
      const message = completion.choices[0]?.message;
      for (const call of message?.tool_calls ?? []) emit('toolCall', call);
      emit('finish', completion);
      emit('finalChatCompletion', completion);
      emit('finalMessage', message);
      emit('finalContent', message?.content ?? '');
      resolve(completion);
    } else {
      const error = errorOf(how);
      emit(how.type === 'aborted' ? 'abort' : 'error', error);
      reject(error);
      // A stream that is only listened to must not fail in silence.
      if (!isHeard && how.type !== 'aborted' && !listeners.get('error')?.size) void Promise.reject(error);
    }
    emit('end');
  }

  function errorOf(how: Exclude<Ending, { type: 'whole' }>): TailraceError {
    if (how.type !== 'truncated') return how.error;
    const { message, cause } = how.error;
    return new StreamTruncatedError(snapshot, { message, cause, requestId: reader.requestId });
  }

  /** Delivers the next chunk; false where the stream has ended. */
  async function advance(): Promise<boolean> {
    while (true) {
      await loading;
      if (!hasCode()) toolCalls = await import('./tool-calls.ts');
      if (deliverNext()) return true;
      const ending = endingNow();
      if (ending !== undefined) {
        if (ending.type === 'whole' && !isSettled) await readOutput();
        settle(endingNow() ?? ending);
        return false;
      }
      await reader.pull();
    }
  }

  /** The JSON of a whole answer may not be what was asked for. */
  async function readOutput(): Promise<void> {
    reading ??= extras?.finish(finish()).catch((error: TailraceError) => {
      leaving = { type: 'failed', error };
    });
    await reading;
  }

  /** Reads by itself. */
  function drive(): void {
    driving ??= (async () => {
      while (await advance());
    })().catch((error) => reject(error));
  }

  function claim(): void {
    if (isClaimed || hasBegun) throw new TailraceError('A stream is read once; tee() makes two of it.');
    isHeard = true;
    isClaimed = true;
  }

  /** Its only iterator has gone: nothing else can read it, so nothing else is generated. */
  function leave(): void {
    if (driving !== undefined || isSettled) return;
    reader.consumers.delete(consumer);
    // It has all of a stream that has ended behind the last chunk.
    leaving = (last.next ? undefined : reader.ending) ?? {
      type: 'aborted',
      error: new APIUserAbortError(),
      byCaller: false,
    };
    settle(leaving);
    if (reader.consumers.size === 0 && reader.ending === undefined) reader.cancel().catch(() => {});
  }

  function iterate<Value>(
    pick: (chunk: ChatCompletionChunk) => Value | undefined,
  ): AsyncIterableIterator<Value> {
    claim();
    /** What was handed out last. Where the stream is read by itself too, that runs ahead. */
    let handed = last;
    let isOver = false;
    const ended = { value: undefined, done: true } as const;

    return {
      [Symbol.asyncIterator]() {
        return this;
      },
      async next() {
        while (!isOver) {
          // Without a wait where it has been read already.
          if (handed === last && !(isReadable() && deliverNext())) await advance();
          if (isOver) break;
          if (handed !== last) {
            handed = handed.next ?? last;
            const value = handed.chunk && pick(handed.chunk);
            if (value !== undefined) return { value, done: false };
            continue;
          }
          const ending = endingNow();
          isOver = ending !== undefined;
          if (ending && ending.type !== 'whole' && (ending.type !== 'aborted' || ending.byCaller))
            throw errorOf(ending);
        }
        return ended;
      },
      async return() {
        if (!isOver) leave();
        isOver = true;
        return ended;
      },
    };
  }

  function listen(event: keyof ChatStreamEvents, listener: Listener, isOnce: boolean): object {
    const all = listeners.get(event) ?? new Map<Listener, boolean>();
    listeners.set(event, all.set(listener, isOnce));
    if (openaiOnly.test(event)) loadExtras();
    if (event === 'connect') reader.open().then(() => emit(event), ignore);
    // Later, because the caller may be about to iterate.
    if (!asides.test(event)) setTimeout(() => isClaimed || drive());
    return stream;
  }

  const finalCompletion = (): Promise<ChatCompletion> => {
    isHeard = true;
    drive();
    return completed;
  };
  const finalMessage = async (): Promise<ChatCompletionMessage> => {
    const message = (await finalCompletion()).choices[0]?.message;
    if (message === undefined) throw new TailraceError('The answer has no choice.');
    return message;
  };
  const usage = async (): Promise<CompletionUsage | undefined> => (await finalCompletion()).usage;
  const finalContent = async (): Promise<string | null> => (await finalMessage()).content;

  const stream = {
    get response() {
      return reader.open();
    },
    get requestId() {
      return reader.requestId;
    },
    get completionId() {
      return reader.completionId;
    },
    get streamUrl() {
      return reader.streamUrl;
    },
    get cursor() {
      return last.cursor;
    },
    snapshot,
    controller: reader.controller,
    [Symbol.asyncIterator]: () => iterate((chunk) => chunk),
    text: () => iterate((chunk) => firstDelta(chunk)?.content || undefined),
    on: (event: keyof ChatStreamEvents, listener: Listener) => listen(event, listener, false),
    once: (event: keyof ChatStreamEvents, listener: Listener) => listen(event, listener, true),
    off(event: keyof ChatStreamEvents, listener: Listener) {
      listeners.get(event)?.delete(listener);
      return stream;
    },
    finalCompletion,
    finalChatCompletion: finalCompletion,
    finalMessage,
    finalContent,
    finalText: async () => (await finalContent()) ?? '',
    usage,
    totalUsage: async () => (await usage()) ?? { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 },
    done: async () => void (await finalCompletion()),
    finalFunctionToolCall: async () => (await finalMessage()).tool_calls?.at(-1)?.function,
    allChatCompletions: () => (whole ? [whole] : []),
    tee(): [ChatStream, ChatStream] {
      claim();
      const branch = (): ChatStream => createChatStream(reader, { ...form, from: last });
      listeners.clear();
      reader.consumers.delete(consumer);
      leaving = { type: 'failed', error: new TailraceError('The stream was split.') };
      return [branch(), branch()];
    },
    toReadableStream() {
      const chunks = iterate((chunk) => chunk);
      return streamedBody(
        ({ jsonLines }) => jsonLines(chunks, endingNow),
        () => chunks.return?.(),
      );
    },
    partial(schema?: StandardSchema): PartialOutput<unknown> {
      const load = async (): Promise<PartialOutput<unknown>> =>
        (await import('../structured/partial-output.ts')).partialOutput(asChatStream(), schema);
      return {
        async *[Symbol.asyncIterator]() {
          yield* await load();
        },
        final: async () => (await load()).final(),
      };
    },
    toSSEResponse: (init?: ResponseInit) => toSSEResponse(asChatStream(), init),
    toTextResponse: (init?: ResponseInit) => toTextResponse(asChatStream(), init),
    toUIMessageStreamResponse: (init?: UIMessageStreamInit) =>
      toUIMessageStreamResponse(asChatStream(), init),
    abort: () => reader.controller.abort(),
    cancel: () => reader.cancel(),
  };
  const asChatStream = (): ChatStream => stream as object as ChatStream;
  return asChatStream();
}

function isStrict(tool: ChatCompletionTool): boolean {
  return !!tool.function.strict;
}

function ignore(): void {}
