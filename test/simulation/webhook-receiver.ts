import type { PostEvent } from '../../packages/server/src/ledger/webhook-post.ts';
import type { Dice } from '../../packages/server/src/upstreams/testing/dice.ts';
import type { VirtualTime } from './virtual-time.ts';

/** The receiver of the webhook: it keeps each event once, by its id, in the order of their first arrival. */
export interface WebhookReceiver {
  readonly post: PostEvent;
  /** Away, or it takes events whose answer is lost. */
  weather: 'fine' | 'away' | 'forgetful';
  readonly received: ReadonlyMap<string, ReceivedEvent>;
}

export interface ReceivedEvent {
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
}

export function createWebhookReceiver(time: VirtualTime, dice: Dice): WebhookReceiver {
  const received = new Map<string, ReceivedEvent>();
  const receiver: WebhookReceiver = {
    weather: 'fine',
    received,
    async post({ id, body }) {
      if (dice.chance(0.2)) await new Promise<void>((resolve) => time.after(1 + dice.below(30), resolve));
      if (receiver.weather === 'away') return { type: 'away', reason: 'status 503' };
      if (!received.has(id)) received.set(id, JSON.parse(body) as ReceivedEvent);
      if (receiver.weather === 'forgetful' && dice.chance(0.5)) return { type: 'away', reason: 'reset' };
      return { type: 'taken' };
    },
  };
  return receiver;
}
