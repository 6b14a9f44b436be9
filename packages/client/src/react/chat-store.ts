import { randomId } from '../client/environment.ts';
import { APIConnectionError, StreamTruncatedError } from '../errors/errors.ts';
import type { ChatStream } from '../stream/contract.ts';
import { answerOf, type ChatMessage, type NewMessage, toRequestMessage } from './chat-message.ts';
import { type ChatRecord, readRecord } from './chat-record.ts';
import type { ChatPage } from './page.ts';

/*
 * A chat without React: its messages, and the one answer that may run. However many hooks show it, it reads the stream once.
 *
 *            send, regenerate              first chunk               finish
 *   ready ───────────────────▶ submitted ─────────────▶ streaming ──────────▶ ready
 *                                  │                     │  ▲  │ stop ───────▶ ready, the answer is incomplete
 *                                  │ failure     failure │  │  │
 *                                  ▼                     ▼  │  └ connection lost for long: waits for the page to return
 *                                error ◀──────────────────  └─── resume, or the page returns: where the connection was lost
 *
 * The stream itself heals short losses (stream/). What is left for here is that of a page: reloads, sleep, long times offline. A
 * reload reads the answer again from its first event (decision 38): until that has caught up, the kept beginning stays on the page.
 */

export type ChatStatus = 'ready' | 'submitted' | 'streaming' | 'error';

/** One immutable view of a chat. */
export interface ChatState {
  readonly messages: readonly ChatMessage[];
  readonly status: ChatStatus;
  /** Why the last answer failed; undefined unless `status` is `error`. */
  readonly error: Error | undefined;
}

/** The body that asks for an answer, as it is sent, and sent again. */
export interface AnswerRequest {
  readonly body: string;
  readonly idempotencyKey: string;
}

/** What a chat uses of a `ChatStream`. */
export interface AnswerStream
  extends AsyncIterable<unknown>,
    Pick<ChatStream, 'streamUrl' | 'cursor' | 'snapshot'> {
  readonly response: Promise<unknown>;
  on(event: 'reconnect', listener: () => void): unknown;
  /** Before the head it waits for the head, which names what is to be stopped. */
  cancel(): Promise<unknown>;
}

export interface ChatCallbacks {
  /** Called when an answer is complete. */
  onFinish?: ((message: ChatMessage, messages: readonly ChatMessage[]) => void) | undefined;
  /** Called when an answer has failed; the message that it leaves is `incomplete`. */
  onError?: ((error: Error) => void) | undefined;
  /** Called each time a lost connection is picked up again. */
  onReconnect?: (() => void) | undefined;
}

/** How one hook asks for answers, and what it wants to hear. */
export interface ChatSource extends ChatCallbacks {
  ask(request: AnswerRequest): AnswerStream;
  /** Reads an answer at its address, from its first event on. */
  readAt(streamUrl: string): AnswerStream;
  /** Members of the body beside `messages`. */
  readonly body?: Readonly<Record<string, unknown>> | undefined;
  /** False: a reload and a return to the page do not pick an answer up by themselves. Default true. */
  readonly resume?: boolean | undefined;
  /** True: when the last hook goes, the answer is stopped. Default false. */
  readonly stopOnUnmount?: boolean | undefined;
}

export interface ChatStoreDeps {
  /** The chat's name in the storage of the tab; `''`: a reload forgets it. */
  readonly key: string;
  readonly initialMessages: readonly ChatMessage[];
  readonly page: ChatPage;
  /** Called when the chat begins to be shown, and when nothing shows it any more and no answer runs. */
  onUse?(isUsed: boolean): void;
}

export interface ChatStore {
  state(): ChatState;
  /** As a server renders it. */
  readonly firstState: ChatState;
  /** Shows the chat to a hook until the result is called. The first one makes it look for what a reload has left. */
  show(listener: () => void, source: () => ChatSource): () => void;
  /** Resolve when the answer has ended, however; they never reject. One that runs is stopped first. */
  send(messages: NewMessage | readonly NewMessage[], source: ChatSource): Promise<void>;
  regenerate(source: ChatSource, id?: string): Promise<void>;
  /** Reads an answer on whose connection is lost. Without one nothing happens. */
  resume(source: ChatSource): Promise<void>;
  /** Stops the answer here and on the server. */
  stop(): Promise<void>;
  setMessages(
    next: readonly ChatMessage[] | ((messages: readonly ChatMessage[]) => readonly ChatMessage[]),
  ): void;
}

interface Run {
  readonly id: string;
  /** Until the head has come. */
  request?: AnswerRequest | undefined;
  streamUrl?: string | undefined;
  stream?: AnswerStream | undefined;
  /** What is shown, and the number of its last event. */
  answer?: ChatMessage | undefined;
  cursor: number;
}

export function createChatStore(deps: ChatStoreDeps): ChatStore {
  const { key, page } = deps;
  /** Without the answer that runs. */
  let messages = deps.initialMessages;
  let status: ChatStatus = 'ready';
  let error: Error | undefined;
  const firstState: ChatState = { messages, status, error };
  let state = firstState;
  let run: Run | undefined;
  /** Has lost its connection for good, and may be read on. */
  let lost: Run | undefined;
  let isRestored = false;
  let unwatch: (() => void) | undefined;
  const hooks = new Map<() => void, () => ChatSource>();

  function publish(): void {
    if (run) takeAnswer(run);
    state = { messages: withAnswer(run?.answer, false), status, error };
    for (const listener of hooks.keys()) listener();
  }

  /** Behind what a reload has kept the new reading must catch up first. */
  function takeAnswer(current: Run): void {
    const { stream } = current;
    if (stream === undefined || stream.cursor < current.cursor || status === 'submitted') return;
    current.cursor = stream.cursor;
    current.answer = answerOf(current.id, stream.snapshot);
  }

  function save(): void {
    if (!key) return;
    const kept = run ?? lost;
    const isFound = kept && isKept(kept);
    // What a reload ends is shown as far as it has come.
    const record: ChatRecord = isFound
      ? { messages, run: { ...kept, stream: undefined } }
      : { messages: withAnswer(kept?.answer, true) };
    page.write(key, record);
  }

  function withAnswer(answer: ChatMessage | undefined, isIncomplete: boolean): readonly ChatMessage[] {
    if (!answer) return messages;
    return [...messages, isIncomplete && !answer.finishReason ? { ...answer, incomplete: true } : answer];
  }

  /** An error of a callback is the app's: it is reported as one, and disturbs nothing here. */
  function each(call: (callbacks: ChatCallbacks) => void): void {
    for (const source of hooks.values()) queueMicrotask(() => call(source()));
  }

  /** Listens to the page as long as there is something to show or to read. */
  function watch(): void {
    const isUsed = hooks.size > 0 || run !== undefined;
    if (isUsed && unwatch === undefined) {
      const offs = [
        page.onLeave(() => {
          if (run) takeAnswer(run);
          save();
        }),
        page.onReturn(() => {
          const source = [...hooks.values()][0]?.();
          if (source && source.resume !== false) void resume(source);
        }),
      ];
      unwatch = () => {
        for (const off of offs) off();
      };
      deps.onUse?.(true);
    } else if (!isUsed && unwatch !== undefined) {
      unwatch();
      unwatch = undefined;
      deps.onUse?.(false);
    }
  }

  /** Resolves when the answer has ended, however. */
  async function drive(current: Run, source: ChatSource): Promise<void> {
    run = current;
    lost = undefined;
    error = undefined;
    status = current.answer ? 'streaming' : 'submitted';
    save();
    watch();
    publish();
    try {
      await read(current, source);
      if (run === current) settle(current);
    } catch (reason) {
      if (run !== current) return;
      settle(current, reason as Error);
    }
  }

  async function read(current: Run, source: ChatSource): Promise<void> {
    const { streamUrl, request } = current;
    const isAgain = streamUrl !== undefined;
    const stream = isAgain ? source.readAt(streamUrl) : source.ask(request as AnswerRequest);
    current.stream = stream;
    stream.on('reconnect', () => each(({ onReconnect }) => onReconnect?.()));
    await stream.response;
    if (run !== current) return;
    // From now on the answer has its address.
    current.streamUrl ??= stream.streamUrl;
    current.request = undefined;
    save();
    if (isAgain) each(({ onReconnect }) => onReconnect?.());
    for await (const _ of stream) {
      if (run !== current) return;
      status = 'streaming';
      page.frame(publish);
    }
  }

  /** The answer has ended: it becomes a message like the others. */
  function close(current: Run, isIncomplete: boolean, reason?: Error): void {
    takeAnswer(current);
    const { answer } = current;
    run = undefined;
    lost = reason && isKept(current) && isLost(reason) ? current : undefined;
    error = reason;
    status = reason ? 'error' : 'ready';
    messages = withAnswer(answer, isIncomplete);
    save();
    watch();
  }

  function settle(current: Run, reason?: Error): void {
    close(current, reason !== undefined, reason);
    page.frame(publish);
    const { answer } = current;
    if (reason) each(({ onError }) => onError?.(reason));
    else if (answer) each(({ onFinish }) => onFinish?.(answer, messages));
  }

  function ask(source: ChatSource): Promise<void> {
    const sent = messages.map(toRequestMessage).filter((message) => message !== undefined);
    const body = JSON.stringify({ ...source.body, messages: sent });
    const request = { body, idempotencyKey: randomId() };
    return drive({ id: randomId(), request, cursor: 0 }, source);
  }

  async function resume(source: ChatSource): Promise<void> {
    const current = lost;
    if (run || current === undefined) return;
    messages = messages.filter(({ id }) => id !== current.id);
    current.stream = undefined;
    await drive(current, source);
  }

  /** Takes what a reload has left. An answer that runs wins over `initialMessages`; a chat at rest does not. */
  function restore(source: ChatSource): void {
    if (isRestored || !key) return;
    isRestored = true;
    const record = readRecord(page, key);
    if (record === undefined || run || messages !== deps.initialMessages) return;
    if (record.run === undefined && messages.length > 0) return;
    const left = record.run;
    messages = record.messages.filter(({ id }) => id !== left?.id);
    lost = left && { ...left };
    if (left && source.resume !== false) {
      void resume(source);
      return;
    }
    messages = withAnswer(left?.answer, true);
    publish();
  }

  async function stop(): Promise<void> {
    const current = run;
    if (current === undefined) return;
    close(current, true);
    publish();
    // Where that cannot be said (offline), the server ends a run that has no reader.
    await current.stream?.cancel().catch(() => {});
  }

  return {
    state: () => state,
    firstState,
    show(listener, source) {
      hooks.set(listener, source);
      watch();
      restore(source());
      return () => {
        const { stopOnUnmount } = source();
        hooks.delete(listener);
        // In strict mode a hook that goes comes back at once.
        setTimeout(() => {
          if (hooks.size === 0 && stopOnUnmount === true) void stop();
          watch();
        });
      };
    },
    async send(given, source) {
      void stop();
      const added = (Array.isArray(given) ? given : [given]) as readonly NewMessage[];
      messages = [
        ...messages,
        ...added.map((one) => ({ role: 'user' as const, ...one, id: one.id ?? randomId() })),
      ];
      await ask(source);
    },
    async regenerate(source, id) {
      void stop();
      const at = messages.findLastIndex((one) => (id ? one.id === id : one.role !== 'assistant'));
      const found = messages[at];
      if (!found) return;
      messages = messages.slice(0, found.role === 'assistant' ? at : at + 1);
      await ask(source);
    },
    resume,
    stop,
    setMessages(next) {
      messages = typeof next === 'function' ? next(messages) : next;
      lost = undefined;
      save();
      publish();
    },
  };
}

/** A reload can find it. */
function isKept({ streamUrl, request }: Run): boolean {
  return (streamUrl ?? request) !== undefined;
}

/** The connection is lost for now. An address that is refused, and a stream that ended without a finish, are lost for good. */
function isLost(error: unknown): boolean {
  return (
    error instanceof APIConnectionError || (error instanceof StreamTruncatedError && isLost(error.cause))
  );
}
