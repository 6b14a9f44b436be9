import type { ChatMessage } from './chat-message.ts';
import type { ChatPage } from './page.ts';

/** An answer that runs, as a reload finds it. */
export interface RunRecord {
  /** Of the message that it becomes. */
  readonly id: string;
  /** Where it is read and stopped, without a key; absent until the head of the answer has come. */
  readonly streamUrl?: string | undefined;
  /** What to ask again until then. The same `Idempotency-Key` makes the server attach to the run that it has begun. */
  readonly request?: { readonly body: string; readonly idempotencyKey: string } | undefined;
  /** What cannot be kept. */
  readonly stream?: undefined;
  /** Number of the last event that `answer` contains. */
  readonly cursor: number;
  readonly answer?: ChatMessage | undefined;
}

/** What a tab keeps of a chat; never a key. */
export interface ChatRecord {
  readonly messages: readonly ChatMessage[];
  readonly run?: RunRecord | undefined;
}

export function readRecord(page: ChatPage, key: string): ChatRecord | undefined {
  const record = page.read(key) as Partial<ChatRecord> | null;
  return Array.isArray(record?.messages) && record.messages.every(isMessage)
    ? (record as ChatRecord)
    : undefined;
}

/** What an older page or other code has left under the key must not break this one. */
function isMessage(message: unknown): boolean {
  return typeof (message as Partial<ChatMessage> | null)?.content === 'string';
}
