import type { APIConnectionError, APIUserAbortError, TailraceError } from '../errors/errors.ts';
import type { ChatCompletionChunk } from '../types/chat.ts';
import type { CancelResult, ChatStreamOptions, Reconnect, StreamPosition } from './contract.ts';

/** How a stream has ended. */
export type Ending =
  | { readonly type: 'whole' }
  /** The server or the connection said why. */
  | { readonly type: 'failed'; readonly error: TailraceError }
  /** The answer is not whole, and cannot be picked up. `cause` of the error is what the last try met. */
  | { readonly type: 'truncated'; readonly error: APIConnectionError }
  /** By its reader; `byCaller`: by the signal of the request. */
  | { readonly type: 'aborted'; readonly error: APIUserAbortError; readonly byCaller: boolean };

/**
 * A chunk that was read, and the way to those behind it. Each form of a stream walks along `next` at its own pace, and what all of
 * them have passed is garbage. The first one has no chunk: it stands before the stream.
 */
export interface Delivery {
  readonly chunk?: ChatCompletionChunk;
  /** The number of the chunk's event, or of the last numbered one. */
  readonly cursor: number;
  next?: Delivery;
}

/** Hears of a lost connection. */
export type Consumer = (reconnect: Reconnect) => void;

/** The one reader of a stream's bytes, below the forms in which the chunks are handed out. */
export interface StreamReader extends StreamPosition {
  readonly requestId: string | undefined;
  /** Of the newest head. */
  readonly headers: Headers | undefined;
  readonly controller: AbortController;
  /** One for each form of the stream that is still read. */
  readonly consumers: Set<Consumer>;
  /** What was read last. */
  readonly last: Delivery;
  readonly ending: Ending | undefined;
  /** The bytes of a plain answer. */
  readonly parts: Uint8Array<ArrayBuffer>[];
  /** Begins the stream where it has not begun. Resolves with the first head; rejects where there is none. */
  open(): Promise<Response>;
  /** Reads until something was delivered or the stream has ended. One read serves all who wait for it. */
  pull(): Promise<void>;
  cancel(): Promise<CancelResult>;
}

export interface ReaderOptions extends ChatStreamOptions {
  /** An answer that is no event stream is collected whole, and tried again where it breaks. Default false. */
  readonly isPlain?: boolean;
}
