import { isObject, type JsonObject, parseForeignJson } from '../../domain/json.ts';
import type { CancelOrder, EndedStatus } from '../contract.ts';

/** A question to all processes. Answers go to the channel of `from`. */
export interface PeerQuestion {
  /** Numbers the questions of one process. */
  readonly call: number;
  /** The name of the process that asks. */
  readonly from: string;
  /** Undefined: a question that this version does not know. */
  readonly order: CancelOrder | undefined;
}

export interface PeerAnswer {
  readonly call: number;
  /** The name of the process that answers. */
  readonly from: string;
  /** Undefined where that process does not run the completion. */
  readonly status: EndedStatus | undefined;
}

export function writeQuestion(call: number, from: string, { id, keyId }: CancelOrder): string {
  return JSON.stringify({ type: 'cancel', call, from, id, keyId });
}

/** Undefined where the text is no question. */
export function readQuestion(text: string): PeerQuestion | undefined {
  const message = readMessage(text);
  if (message === undefined) return undefined;
  const { call, from } = message;
  return { call, from, order: orderIn(message.rest) };
}

export function writeAnswer({ call, from, status }: PeerAnswer): string {
  return JSON.stringify({ call, from, status: status ?? null });
}

/** Undefined where the text is no answer. */
export function readAnswer(text: string): PeerAnswer | undefined {
  const message = readMessage(text);
  if (message === undefined) return undefined;
  const { call, from, rest } = message;
  const status = statuses.find((one) => one === rest['status']);
  return { call, from, status };
}

function orderIn({ type, id, keyId }: JsonObject): CancelOrder | undefined {
  if (type !== 'cancel' || typeof id !== 'string') return undefined;
  if (keyId === undefined) return { id };
  // A key that cannot be read must not widen the order to all keys.
  return typeof keyId === 'string' ? { id, keyId } : undefined;
}

const statuses = ['completed', 'failed', 'cut', 'cancelled', 'abandoned'] as const satisfies EndedStatus[];

/** Other programs may write to the channel too. */
function readMessage(text: string): { call: number; from: string; rest: JsonObject } | undefined {
  let message: unknown;
  try {
    message = parseForeignJson(text);
  } catch {
    return undefined;
  }
  if (!isObject(message)) return undefined;
  const { call, from } = message;
  return typeof call === 'number' && typeof from === 'string' ? { call, from, rest: message } : undefined;
}
