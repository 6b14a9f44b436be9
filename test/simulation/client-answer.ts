import type { ReceivedAnswer } from './memory-connection.ts';

/** What a client knows of its completion. */
export interface ClientAnswer {
  readonly status: number;
  /** Undefined where no part of a completion came. */
  readonly id: string | undefined;
  readonly words: number;
  /** The answer has ended, without an error. */
  readonly completed: boolean;
  readonly usage: { readonly prompt: number; readonly completion: number } | undefined;
}

interface Chunk {
  readonly id?: string;
  readonly error?: unknown;
  readonly choices?: readonly {
    readonly delta?: { readonly content?: string };
    readonly message?: { readonly content?: string };
  }[];
  readonly usage?: { readonly prompt_tokens: number; readonly completion_tokens: number } | null;
}

export function readAnswer({ status, body, headers, whole }: ReceivedAnswer): ClientAnswer {
  const streamed = headers['content-type']?.startsWith('text/event-stream') === true;
  const payloads = streamed
    ? body
        .split('\n\n')
        .filter((frame) => frame.startsWith('data: '))
        .map((frame) => frame.slice(6))
    : whole
      ? [body]
      : [];
  // The answers of our own server to a request of this simulation.
  const chunks = payloads.filter((text) => text !== '[DONE]').map((text) => JSON.parse(text) as Chunk);
  const usage = chunks.findLast((chunk) => chunk.usage != null)?.usage;
  const failed = chunks.some((chunk) => chunk.error !== undefined);
  return {
    status,
    id: chunks.find((chunk) => chunk.id !== undefined)?.id,
    words: chunks
      .flatMap(({ choices = [] }) => choices)
      .reduce((sum, { delta, message }) => {
        return sum + (delta?.content ?? message?.content ?? '').split(' ').length - 1;
      }, 0),
    completed: status === 200 && whole && !failed && (!streamed || payloads.includes('[DONE]')),
    usage: usage == null ? undefined : { prompt: usage.prompt_tokens, completion: usage.completion_tokens },
  };
}
