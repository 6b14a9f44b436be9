import { type UseChat, type UseChatOptions, useChat } from './use-chat.ts';

export type UseCompletionOptions = Omit<UseChatOptions, 'initialMessages'>;

export interface UseCompletion extends Pick<UseChat, 'status' | 'error' | 'stop' | 'resume'> {
  /** The text of the answer, as far as it has come; `''` before. */
  readonly completion: string;
  /** False until the text is whole: while it streams, and where it was stopped or has failed. */
  readonly isComplete: boolean;
  /** Asks for an answer to this prompt alone; the one before is dropped. Resolves when it has ended, however: see `status`. */
  complete(prompt: string): Promise<void>;
}

/** One prompt and the text of its answer, as {@link useChat} streams it: over lost connections, reloads and returns to the tab. */
export function useCompletion(options: UseCompletionOptions = {}): UseCompletion {
  const { messages, status, error, send, setMessages, stop, resume } = useChat(options);
  const last = messages.at(-1);
  const answer = last?.role === 'assistant' ? last : undefined;
  return {
    ...{ status, error, stop, resume },
    completion: answer?.content ?? '',
    isComplete: answer?.finishReason !== undefined,
    complete(prompt) {
      // What the answer before has left in the server is stopped by `send`.
      void stop();
      setMessages([]);
      return send(prompt);
    },
  };
}
