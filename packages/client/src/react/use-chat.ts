import { useEffect, useId, useMemo, useRef, useSyncExternalStore } from 'react';
import type { ChatMessage, NewMessage } from './chat-message.ts';
import { type ChatRoute, chatSource } from './chat-source.ts';
import type { ChatCallbacks, ChatSource, ChatState, ChatStatus } from './chat-store.ts';
import { chatStore } from './chat-stores.ts';
import { pagePath } from './page.ts';

export interface UseChatOptions extends ChatCallbacks, ChatRoute {
  /** Hooks with the same id show the same chat. Default: one chat for each place in the page where the hook is used. */
  readonly id?: string | undefined;
  /** The chat before its first message is sent, from your database for instance. An answer that runs after a reload wins over it. */
  readonly initialMessages?: readonly ChatMessage[] | undefined;
  /** False: an answer that was left or lost is read on by `resume()` only. Default true. */
  readonly resume?: boolean | undefined;
  /** True: the answer is stopped when the last hook of the chat unmounts. Default false: it goes on. */
  readonly stopOnUnmount?: boolean | undefined;
  /** Where a reload finds the chat: `session` is the storage of the tab, `none` forgets it. Default `session`. */
  readonly storage?: 'session' | 'none' | undefined;
}

export interface UseChat extends ChatState {
  /** All messages, with the answer that streams as the last one. */
  readonly messages: readonly ChatMessage[];
  readonly status: ChatStatus;
  /** The error of the last answer (an `APIError` of `tailrace`); undefined unless `status` is `error`. */
  readonly error: Error | undefined;
  /**
   * Sends messages (a text is one of the user) and asks for an answer. Resolves when the answer has ended, however: see `status`.
   * An answer that runs is stopped first.
   */
  send(message: string | NewMessage | readonly NewMessage[]): Promise<void>;
  /** Stops generating, here and on the server. What has come stays, marked `incomplete`. */
  stop(): Promise<void>;
  /** Asks again for the last answer, or for the one with this id, without what came after it. */
  regenerate(id?: string): Promise<void>;
  /** Changes the messages without the answer that streams; none is sent. */
  setMessages(
    next: readonly ChatMessage[] | ((messages: readonly ChatMessage[]) => readonly ChatMessage[]),
  ): void;
  /** Reads an answer on whose connection was lost. Where there is none, nothing happens. */
  resume(): Promise<void>;
}

/**
 * A chat in a React component: its messages as they stream, drawn once a frame. An answer survives a lost connection, a reload and
 * the end of the component. It fails in the open: an answer that is not whole is marked `incomplete`, and `error` says why.
 */
export function useChat(options: UseChatOptions = {}): UseChat {
  const latest = useRef(options);
  // Before the hook below subscribes.
  useEffect(() => {
    latest.current = options;
  });
  const { id, api } = options;
  const place = useId();
  const key = useMemo(() => {
    const path = pagePath();
    return path === undefined ? '' : (id ?? path + place + api);
  }, [id, api, place]);
  const store = useMemo(() => {
    const { initialMessages = [], storage } = latest.current;
    return chatStore(key, { initialMessages, key: storage === 'none' ? '' : key });
  }, [key]);
  const { show, ...actions } = useMemo(() => {
    const { state, firstState, stop, setMessages } = store;
    const source = (): ChatSource => ({ ...latest.current, ...chatSource(latest.current) });
    return {
      show: [(listener: () => void) => store.show(listener, source), state, () => firstState] as const,
      send: (given: string | NewMessage | readonly NewMessage[]) =>
        store.send(typeof given === 'string' ? { content: given } : given, source()),
      regenerate: (id?: string) => store.regenerate(source(), id),
      resume: () => store.resume(source()),
      stop,
      setMessages,
    };
  }, [store]);
  return { ...useSyncExternalStore(...show), ...actions };
}
