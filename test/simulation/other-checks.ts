import type { UsageRecord } from '../../packages/server/src/storage/records.ts';
import type { Complaint } from './invariants.ts';
import type { KeyRing } from './key-ring.ts';
import type { SimulatedService } from './simulated-service.ts';
import type { WebhookReceiver } from './webhook-receiver.ts';

/** Nothing runs: every place of a stream must be free. */
export async function checkLimiter(
  { limiter }: SimulatedService,
  { keys }: KeyRing,
  complain: Complaint,
): Promise<void> {
  const scopes = new Set(keys.flatMap(({ id, owner }) => [`key:${id}`, `owner:${owner}`]));
  for (const scope of scopes) {
    const taken = await limiter.take({
      processId: 'check',
      scopes: [{ scope, maxStreams: 1 }],
      promptTokens: 0,
      completionTokens: 0,
    });
    if (taken.type === 'refused') complain(`a stream of ${scope} still has its place, and none runs`);
    else await limiter.settle(taken.lease, 0);
  }
}

/** Every settled row has its event, with its tokens; and events came in the order of the outbox. True: all of this holds. */
export function checkEvents(
  { received }: WebhookReceiver,
  rows: ReadonlyMap<string, UsageRecord>,
  sequences: ReadonlyMap<string, number>,
  complain: Complaint,
): boolean {
  let right = true;
  const wrong = (what: string) => {
    right = false;
    complain(what);
  };
  for (const row of rows.values()) {
    const event = received.get(`${row.id}:corrected`) ?? received.get(row.id);
    if (event === undefined) wrong(`${row.id} has no event`);
    else if (
      event.data['completion_tokens'] !== row.completionTokens ||
      event.data['status'] !== row.status
    ) {
      wrong(`${row.id}: the event is ${event.data['status']}, ${event.data['completion_tokens']} tokens`);
    }
  }
  let last = 0;
  for (const id of received.keys()) {
    const sequence = sequences.get(id);
    if (sequence === undefined) wrong(`the event ${id} was in no outbox`);
    else if (sequence < last) wrong(`the event ${id} came too late`);
    last = Math.max(last, sequence ?? 0);
  }
  return right;
}
