import { createHash } from 'node:crypto';
import type { Once } from '../contract.ts';

/*
 * The keys in Redis. Each has an expiry at any time: those of a running stream outlive it by its retention and are pushed on
 * each half minute (`touchScript`), those of an ended one stay for its retention.
 *
 *     tailrace:journal:s:ID        stream: entry N-0 has the payload of event N in its one field
 *     tailrace:journal:m:ID        hash: what else is known of the stream; its fields stand in `scripts.ts`
 *     tailrace:journal:o:SHA256    text: the id that an idempotency key has begun, LF, the fingerprint of its request
 *     tailrace:journal:p:PROCESS   the beat of a process with running streams; without it they are cut
 *
 * and the channels:
 *
 *     tailrace:journal:c:ID        what is new in a stream, where another replica follows it (`stored-stream.ts`)
 *     tailrace:journal:r:PROCESS   for the process that writes: who follows its streams elsewhere (`remote-readers.ts`)
 */
export const prefix = 'tailrace:journal:';

export const metaKey = (id: string): string => `${prefix}m:${id}`;
export const eventsKey = (id: string): string => `${prefix}s:${id}`;
export const beatKey = (processId: string): string => `${prefix}p:${processId}`;
export const streamChannel = (id: string): string => `${prefix}c:${id}`;
export const processChannel = (processId: string): string => `${prefix}r:${processId}`;

/** No client can read a key's text back from Redis, nor make the key of another caller. */
export function onceKey({ keyId, key }: Once): string {
  return `${prefix}o:${createHash('sha256').update(`${keyId}\n${key}`).digest('hex')}`;
}
