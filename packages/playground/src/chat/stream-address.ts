import type { SseItem } from '@tailrace/protocol';
import { isObject, parsed } from '../api/json.ts';
import type { LiveCompletion } from './chat-state.ts';

/**
 * The part of a signed address that counts on this server, from its path on. The origin before it may be that of `server.public_url`,
 * which the policy of this page does not let it ask.
 */
export function streamPathIn(address: string | null): string | undefined {
  const at = address?.indexOf('/v1/streams/') ?? -1;
  return at < 0 ? undefined : address?.slice(at);
}

/** The address of the events behind this one. A signed address reads the same events as the Durable Streams protocol has them. */
export function eventsAfter(
  { completionId, streamPath }: Pick<LiveCompletion, 'completionId' | 'streamPath'>,
  lastId: string,
): string {
  if (streamPath === undefined)
    return `/v1/chat/completions/${encodeURIComponent(completionId)}/events?after=${lastId}`;
  const offset = lastId === '0' ? '-1' : lastId.padStart(12, '0');
  return `${streamPath}&live=sse&offset=${offset}`;
}

/** What one item of a stream at its signed address says: the messages of an event `data`, and whether the stream has ended. */
export function readStreamItem(item: SseItem): {
  readonly messages: readonly unknown[];
  readonly ended: boolean;
} {
  if (item.type !== 'event') return { messages: [], ended: false };
  const value = parsed(item.data);
  if (item.event === 'data') return { messages: Array.isArray(value) ? value : [], ended: false };
  return {
    messages: [],
    ended: item.event === 'control' && isObject(value) && value['streamClosed'] === true,
  };
}
