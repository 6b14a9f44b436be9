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

/** What one reader of the stream is given. */
export interface Consumer {
  /** `cursor`: the number of the chunk's event, or of the last numbered one. */
  deliver(chunk: ChatCompletionChunk, cursor: number): void;
  reconnect(reconnect: Reconnect): void;
  end(ending: Ending): void;
}

/** The one reader of a stream's bytes; its consumers are the forms in which the chunks are handed out. */
export interface StreamReader extends StreamPosition {
  readonly requestId: string | undefined;
  /** Of the newest head. */
  readonly headers: Headers | undefined;
  readonly controller: AbortController;
  readonly consumers: Set<Consumer>;
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
