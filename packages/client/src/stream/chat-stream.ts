import { APIUserAbortError, StreamTruncatedError, TailraceError } from '../errors/errors.ts';
import { streamedBody } from '../responses/body.ts';
import { toSSEResponse, toTextResponse, toUIMessageStreamResponse } from '../responses/responses.ts';
import type { UIMessageStreamInit } from '../responses/ui-message-chunk.ts';
import { partialOutput } from '../structured/partial-output.ts';
import type { StandardSchema } from '../structured/standard-schema.ts';
import type { ChatCompletion, ChatCompletionChunk, ChatCompletionMessage } from '../types/chat.ts';
import type { ChatStream, ChatStreamEvents } from './contract.ts';
import type { Consumer, Ending, StreamReader } from './reader.ts';
import { createSnapshotBuilder, type ToolCallsBuilder } from './snapshot.ts';

type Listener = (...values: unknown[]) => void;

/** Events that are no output: who listens to any other one wants to have the stream read. */
const asides = /^(reconnect|error|abort|end)$/;

/** Puts the calls of a choice together; loaded with the first call that a stream has, because most streams have none. */
let createToolCalls: (() => ToolCallsBuilder) | undefined;
async function loadToolCalls(): Promise<void> {
  ({ createToolCalls } = await import('./tool-calls.ts'));
}

function makeToolCalls(): ToolCallsBuilder {
  if (createToolCalls === undefined) throw new TailraceError('no reader of calls');
  return createToolCalls();
}

/** What was read and not delivered: chunks, each with the number of its event. */
type Backlog = readonly (readonly [ChatCompletionChunk, number])[];

/** One reader of the chunks; each branch of a `tee()` is one of its own. */
export function createChatStream(
  reader: StreamReader,
  startCursor: number = reader.cursor,
  backlog: Backlog = [],
): ChatStream {
  const builder = createSnapshotBuilder(makeToolCalls);
  const { snapshot } = builder;
  const listeners = new Map<string, Set<Listener>>();
  /** What was read and is not delivered: chunks, and the numbers of their events. */
  let queue: ChatCompletionChunk[] = [];
  let numbers: number[] = [];
  let taken = 0;
  let cursor = startCursor;
  let ending: Ending | undefined = reader.ending;
  /** What was delivered and the one iterator has not asked for yet; undefined where there is no iterator. */
  let kept: ChatCompletionChunk[] | undefined;
  let hasBegun = false;
  let needsToolCalls = false;
  let isSettled = false;
  /** Something of the caller hears an error. */
  let isHeard = false;
  let driving: Promise<void> | undefined;
  let resolve: (completion: ChatCompletion) => void;
  let reject: (error: Error) => void;
  const completed = new Promise<ChatCompletion>((...both) => {
    [resolve, reject] = both;
  });
  completed.catch(() => {});

  const consumer: Consumer = {
    deliver(chunk, at) {
      queue.push(chunk);
      numbers.push(at);
      needsToolCalls ||= chunk.choices.some(
        ({ delta }) => delta && (delta.tool_calls || 'function_call' in delta),
      );
    },
    reconnect: (reconnect) => emit('reconnect', reconnect),
    end(how) {
      ending ??= how;
      // Who has stopped listening hears nothing more.
      if (how.type === 'aborted') queue = [];
    },
  };
  reader.consumers.add(consumer);
  for (const [chunk, at] of backlog) consumer.deliver(chunk, at);

  function emit(event: keyof ChatStreamEvents, ...values: unknown[]): void {
    for (const listener of listeners.get(event) ?? []) {
      try {
        listener(...values);
      } catch (error) {
        // As with an event target: a listener's mistake is its own, and is not lost.
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }

  const isReadable = (): boolean => !needsToolCalls || createToolCalls !== undefined;

  /** False where nothing is there to deliver. */
  function deliverNext(): boolean {
    const chunk = queue[taken];
    if (chunk === undefined) return false;
    cursor = numbers[taken] ?? cursor;
    taken += 1;
    if (taken === queue.length) {
      queue = [];
      numbers = [];
      taken = 0;
    }
    hasBegun = true;
    builder.add(chunk);
    kept?.push(chunk);
    if (listeners.size > 0) tell(chunk);
    return true;
  }

  function tell(chunk: ChatCompletionChunk): void {
    emit('chunk', chunk, snapshot);
    const delta = chunk.choices.find(({ index }) => !index)?.delta;
    const message = snapshot.choices[0]?.message;
    if (delta?.content) {
      emit('text', delta.content, message?.content);
      emit('content', delta.content, message?.content);
    }
    const reasoning = delta?.reasoning_content ?? delta?.reasoning;
    if (reasoning) emit('reasoning', reasoning, message?.reasoning_content);
  }

  /** Behind the last chunk: promises and listeners hear how the stream has ended. */
  function settle(how: Ending): void {
    if (isSettled) return;
    isSettled = true;
    if (how.type === 'whole') {
      const completion = builder.finish();
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
      if (!isReadable()) await loadToolCalls();
      if (deliverNext()) return true;
      if (ending !== undefined) {
        settle(ending);
        return false;
      }
      await reader.pull();
    }
  }

  /** Reads by itself. */
  function drive(): void {
    driving ??= (async () => {
      while (await advance());
    })().catch((error) => reject(error));
  }

  function claim(): void {
    if (kept !== undefined || hasBegun)
      throw new TailraceError('A stream is read once; tee() makes two of it.');
    isHeard = true;
    kept = [];
  }

  /** Its only iterator has gone: nothing else can read it, so nothing else is generated. */
  function leave(): void {
    kept = [];
    if (driving !== undefined || isSettled) return;
    reader.consumers.delete(consumer);
    consumer.end({ type: 'aborted', error: new APIUserAbortError(), byCaller: false });
    if (ending !== undefined) settle(ending);
    if (reader.consumers.size === 0 && reader.ending === undefined) reader.cancel().catch(() => {});
  }

  function iterate<Value>(
    pick: (chunk: ChatCompletionChunk) => Value | undefined,
  ): AsyncIterableIterator<Value> {
    claim();
    let isOver = false;
    const ended = { value: undefined, done: true } as const;

    function keptValue(): Value | undefined {
      for (let chunk = kept?.shift(); chunk !== undefined; chunk = kept?.shift()) {
        const value = pick(chunk);
        if (value !== undefined) return value;
      }
      return undefined;
    }

    async function nextValue(): Promise<IteratorResult<Value, undefined>> {
      while (!isOver) {
        const value = keptValue();
        if (value !== undefined) return { value, done: false };
        if (!(await advance()) && kept?.length === 0) isOver = true;
      }
      if (ending === undefined || ending.type === 'whole') return ended;
      if (ending.type === 'aborted' && !ending.byCaller) return ended;
      throw errorOf(ending);
    }

    return {
      [Symbol.asyncIterator]() {
        return this;
      },
      next() {
        if (isOver) return Promise.resolve(ended);
        // Without a wait where it has been read already.
        if (isReadable()) deliverNext();
        const value = keptValue();
        return value === undefined ? nextValue() : Promise.resolve({ value, done: false });
      },
      return() {
        if (!isOver) leave();
        isOver = true;
        return Promise.resolve(ended);
      },
    };
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
      return cursor;
    },
    snapshot,
    controller: reader.controller,
    [Symbol.asyncIterator]: () => iterate((chunk) => chunk),
    text: () => iterate((chunk) => chunk.choices.find(({ index }) => !index)?.delta?.content || undefined),
    on<Name extends keyof ChatStreamEvents>(event: Name, listener: ChatStreamEvents[Name]) {
      const all = listeners.get(event) ?? new Set();
      listeners.set(event, all.add(listener as Listener));
      // Later, because the caller may be about to iterate.
      if (!asides.test(event)) setTimeout(() => kept === undefined && drive());
      return stream;
    },
    off<Name extends keyof ChatStreamEvents>(event: Name, listener: ChatStreamEvents[Name]) {
      listeners.get(event)?.delete(listener as Listener);
      return stream;
    },
    finalCompletion,
    finalChatCompletion: finalCompletion,
    finalMessage,
    finalContent,
    finalText: async () => (await finalContent()) ?? '',
    usage: async () => (await finalCompletion()).usage,
    tee(): [ChatStream, ChatStream] {
      claim();
      const left = queue.map((chunk, place) => [chunk, numbers[place] ?? cursor] as const);
      const branch = (): ChatStream => createChatStream(reader, cursor, left);
      listeners.clear();
      queue = [];
      reader.consumers.delete(consumer);
      ending = { type: 'failed', error: new TailraceError('The stream was split.') };
      return [branch(), branch()];
    },
    toReadableStream() {
      const chunks = iterate((chunk) => chunk);
      const load = async (): Promise<AsyncIterator<string>> =>
        (await import('../responses/json-lines.ts')).jsonLines(chunks, () => ending);
      return streamedBody(load, () => chunks.return?.());
    },
    partial: (schema?: StandardSchema) => partialOutput(asChatStream(), schema),
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
