import { randomUUID } from 'node:crypto';
import type { StreamFacts, StreamFollower, StreamOwner, StreamView } from '../contract.ts';

/** Facts of a new stream. */
export function factsOf(more: Partial<StreamFacts> = {}): StreamFacts {
  return {
    id: `chatcmpl-${randomUUID()}`,
    requestId: 'req_1',
    keyId: 'k',
    surface: 'chat',
    model: 'm',
    stream: true,
    createdAtMs: 1_000,
    ...more,
  };
}

/** A follower that reads nothing. */
export const followed: StreamFollower = { own: false, more: () => {} };

/** Follows a view from the event after `after` on, and collects the events; not the payload of the ending. */
export function collect(view: StreamView, after = 0, own = false) {
  const events: string[] = [];
  const waiting: (() => void)[] = [];
  let at = after;
  let loading = false;
  const finished = () => {
    if (loading) return false;
    const { ending, last } = view;
    const lastEvent = ending?.payload === undefined ? last : last - 1;
    return (ending !== undefined && at >= lastEvent) || view.broken !== undefined;
  };
  const follower: StreamFollower = {
    own,
    more() {
      for (;;) {
        // What comes after it is not acknowledged: only the own reader may have it.
        if (!own && view.broken?.code === 'storage_unavailable') break;
        const { ending, last } = view;
        const lastEvent = ending?.payload === undefined ? last : last - 1;
        if (loading || at >= lastEvent) break;
        const payload = view.event(at + 1);
        if (payload === undefined) {
          loading = true;
          view.load(at + 1).then(
            (payloads) => {
              loading = false;
              events.push(...payloads);
              at += payloads.length;
              follower.more();
            },
            () => {},
          );
          break;
        }
        events.push(payload);
        at += 1;
      }
      if (finished()) for (const wake of waiting.splice(0)) wake();
    },
  };
  const leave = view.follow(follower);
  follower.more();
  return {
    view,
    events,
    leave,
    /** Resolves when the stream has ended or is broken, and all its events are collected. */
    ended: () => (finished() ? Promise.resolve() : new Promise<void>((resolve) => waiting.push(resolve))),
  };
}

/** An owner that notes its calls. */
export function ownerOf() {
  const calls: string[] = [];
  const owner: StreamOwner = {
    readersCame: () => calls.push('came'),
    readersLeft: () => calls.push('left'),
    lost: () => calls.push('lost'),
    fenced: () => calls.push('fenced'),
  };
  return { owner, calls };
}
