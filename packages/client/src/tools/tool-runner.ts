import { APIUserAbortError, TailraceError } from '../errors/errors.ts';
import type { ChatCompletion, ChatCompletionChunk, CompletionUsage } from '../types/chat.ts';
import type { PieceEvents, ToolRunner, ToolRunnerEvent, ToolRunnerEvents } from './contract.ts';
import type { SharedRun } from './lazy-runner.ts';

/** The inner side of a run: what its loop calls. */
export interface ToolRun {
  readonly runner: ToolRunner;
  readonly completions: ChatCompletion[];
  emit<Name extends keyof ToolRunnerEvents>(event: Name, ...values: Parameters<ToolRunnerEvents[Name]>): void;
  /** The events of pieces that have listeners. */
  pieceEvents(): readonly (keyof PieceEvents)[];
  tell(event: ToolRunnerEvent): void;
  tellChunk(chunk: ChatCompletionChunk): void;
  /** Resolves once the loops that iterate have taken what there is. */
  taken(): Promise<void>;
}

type Listener = (...values: unknown[]) => void;

/** What one `for await` has not taken yet. */
interface Feed {
  readonly items: unknown[];
  wake: () => void;
}

/** Runs `loop` later, so that the caller can listen before. */
export function createToolRunner(
  loop: (run: ToolRun) => Promise<void>,
  { messages, controller }: SharedRun,
  signal: AbortSignal | null | undefined,
): ToolRunner {
  /** For each event its listeners, and whether they listen once. */
  const listeners = new Map<string, Map<Listener, boolean>>();
  const completions: ChatCompletion[] = [];
  const chunkFeeds = new Set<Feed>();
  const eventFeeds = new Set<Feed>();
  let state: 'running' | 'ended' | 'errored' | 'aborted' = 'running';
  let failure: TailraceError | undefined;
  /** Something of the caller hears an error. */
  let isHeard = false;
  let onTaken = (): void => {};

  function emit(event: string, ...values: unknown[]): void {
    for (const [listener, isOnce] of listeners.get(event) ?? []) {
      if (isOnce) listeners.get(event)?.delete(listener);
      listener(...values);
    }
  }

  function feed(feeds: ReadonlySet<Feed>, item: unknown): void {
    for (const one of feeds) {
      one.items.push(item);
      one.wake();
    }
  }

  async function* iterate<Item>(feeds: Set<Feed>, own: Feed): AsyncGenerator<Item, void, undefined> {
    try {
      while (true) {
        while (own.items.length > 0) yield own.items.shift() as Item;
        onTaken();
        if (state !== 'running') break;
        await new Promise<void>((resolve) => {
          own.wake = resolve;
        });
      }
      if (failure !== undefined) throw failure;
    } finally {
      feeds.delete(own);
      onTaken();
    }
  }

  /** Everything from here on is kept for the loop, also before its first turn. */
  function follow<Item>(feeds: Set<Feed>): AsyncIterableIterator<Item> {
    const own: Feed = { items: [], wake: () => {} };
    feeds.add(own);
    isHeard = true;
    return iterate<Item>(feeds, own);
  }

  function message() {
    const last = completions.at(-1)?.choices[0]?.message;
    if (last === undefined) throw new TailraceError('The run ended without an answer.');
    return last;
  }
  const lastCall = () =>
    completions.flatMap(({ choices }) => choices[0]?.message.tool_calls ?? []).at(-1)?.function;
  const lastResult = (): string | undefined => {
    const content = runner.messages.filter(({ role }) => role === 'tool').at(-1)?.content;
    return typeof content === 'string' ? content : undefined;
  };

  const run: ToolRun = {
    get runner() {
      return runner;
    },
    completions,
    emit,
    pieceEvents: () => [...listeners.keys()].filter((name) => name.includes('.')) as (keyof PieceEvents)[],
    tell: (event) => feed(eventFeeds, event),
    tellChunk: (chunk) => feed(chunkFeeds, chunk),
    async taken() {
      while ([...chunkFeeds, ...eventFeeds].some(({ items }) => items.length > 0)) {
        controller.signal.throwIfAborted();
        await new Promise<void>((resolve) => {
          onTaken = resolve;
        });
      }
    },
  };

  async function play(): Promise<void> {
    // Later, because the caller is about to listen.
    await new Promise((resolve) => setTimeout(resolve));
    try {
      controller.signal.throwIfAborted();
      await loop(run);
      controller.signal.throwIfAborted();
      emitFinal();
      state = 'ended';
    } catch (error) {
      fail(error);
    } finally {
      // Also where a listener has thrown: the loops that iterate must end.
      for (const one of [...chunkFeeds, ...eventFeeds]) one.wake();
    }
    emit('end');
    if (failure !== undefined) throw failure;
  }

  function fail(error: unknown): void {
    const isAbort = controller.signal.aborted;
    state = isAbort ? 'aborted' : 'errored';
    if (isAbort) failure = new APIUserAbortError({ cause: error });
    else if (error instanceof TailraceError) failure = error;
    else
      failure = new TailraceError(error instanceof Error ? error.message : String(error), { cause: error });
    if (listeners.get(isAbort ? 'abort' : 'error')?.size) isHeard = true;
    emit(isAbort ? 'abort' : 'error', failure);
  }

  function emitFinal(): void {
    const completion = completions.at(-1);
    if (completion === undefined) return;
    emit('finalChatCompletion', completion);
    emit('finalMessage', message());
    if (message().content) emit('finalContent', message().content);
    const [call, result] = [lastCall(), lastResult()];
    if (call !== undefined) emit('finalFunctionToolCall', call);
    if (result !== undefined) emit('finalFunctionToolCallResult', result);
    emit('totalUsage', usageOf(completions));
  }

  function listen(event: string, listener: unknown, isOnce: boolean): void {
    const all = listeners.get(event) ?? new Map<Listener, boolean>();
    listeners.set(event, all.set(listener as Listener, isOnce));
  }

  const abort = (): void => controller.abort();
  controller.signal.addEventListener('abort', () => onTaken());
  const runner: ToolRunner = {
    messages,
    controller,
    get ended() {
      return state !== 'running';
    },
    get errored() {
      return state === 'errored';
    },
    get aborted() {
      return state === 'aborted';
    },
    on(event, listener) {
      listen(event, listener, false);
      return this;
    },
    once(event, listener) {
      listen(event, listener, true);
      return this;
    },
    off(event, listener) {
      listeners.get(event)?.delete(listener as Listener);
      return this;
    },
    abort,
    done() {
      isHeard = true;
      return over;
    },
    finalContent: async () => (await runner.finalMessage()).content,
    finalMessage: () => runner.done().then(message),
    async finalChatCompletion() {
      await runner.done();
      message();
      return completions.at(-1) as ChatCompletion;
    },
    finalFunctionToolCall: () => runner.done().then(lastCall),
    finalFunctionToolCallResult: () => runner.done().then(lastResult),
    totalUsage: () => runner.done().then(() => usageOf(completions)),
    allChatCompletions: () => [...completions],
    events: () => follow(eventFeeds),
    [Symbol.asyncIterator]: () => follow(chunkFeeds),
  };
  if (signal?.aborted) abort();
  signal?.addEventListener('abort', abort, { once: true });
  const over = play().finally(() => signal?.removeEventListener('abort', abort));
  over.catch((error) => {
    // A run that nothing waits for must not fail in silence.
    if (!isHeard) void Promise.reject(error);
  });
  return runner;
}

function usageOf(completions: readonly ChatCompletion[]): CompletionUsage {
  const total: CompletionUsage = { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 };
  for (const { usage } of completions) if (usage) addCounts(total, usage);
  return total;
}

/** Adds every count of a usage, those in its details too. */
function addCounts(total: object, usage: object): void {
  const sums = total as Record<string, unknown>;
  for (const [name, value] of Object.entries(usage)) {
    // A server that names `__proto__` or `constructor` would add to what all objects share.
    if (name in Object.prototype) continue;
    if (typeof value === 'number') sums[name] = ((sums[name] as number | undefined) ?? 0) + value;
    else if (typeof value === 'object' && value !== null) {
      sums[name] ??= {};
      addCounts(sums[name] as object, value);
    }
  }
}
