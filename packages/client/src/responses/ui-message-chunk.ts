import type { ChatCompletion } from '../types/chat.ts';

/**
 * The chunks of a UI message stream that are made here, as AI SDK 5 and later read them. AI SDK 5 refuses members that it does not know.
 *
 * Source: ai-sdk.dev/docs/ai-sdk-ui/stream-protocol; `ui-message-chunks.ts` of the package `ai`.
 */
export type UIMessageChunk =
  | { type: 'start'; messageId?: string }
  | { type: 'start-step' | 'finish-step' }
  | { type: 'text-start' | 'text-end' | 'reasoning-start' | 'reasoning-end'; id: string }
  | { type: 'text-delta' | 'reasoning-delta'; id: string; delta: string }
  | { type: 'tool-input-start'; toolCallId: string; toolName: string }
  | { type: 'tool-input-delta'; toolCallId: string; inputTextDelta: string }
  | { type: 'tool-input-available'; toolCallId: string; toolName: string; input: unknown }
  | { type: 'tool-input-error'; toolCallId: string; toolName: string; input: unknown; errorText: string }
  | { type: 'error'; errorText: string }
  | { type: 'abort' }
  | { type: 'finish'; finishReason?: string; messageMetadata?: unknown };

export interface UIMessageStreamInit extends ResponseInit {
  /** Id of the message. Default: the page makes one. */
  readonly messageId?: string;
  /** The metadata of the message, which is sent with its finish. Default: none. */
  readonly messageMetadata?: (completion: ChatCompletion) => unknown;
  /** Sends `finishReason` with the finish, for AI SDK 6 and later; AI SDK 5 refuses it. Default: false. */
  readonly sendFinishReason?: boolean;
  /** What the page is told of an error. Default: the message of an `APIError`, else `The stream broke.` */
  readonly onError?: (error: unknown) => string;
}
