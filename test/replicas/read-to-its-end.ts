import { setTimeout as sleep } from 'node:timers/promises';
import { readDropped } from '../resume/dropped-connection.ts';
import { type NumberedEvent, readEvents } from '../resume/numbered-events.ts';
import { type ReadRoute, readRoutes } from '../resume/read-routes.ts';
import { isWhole } from './returning-client.ts';

export interface KeptStreamOn {
  /** Of the replica that is asked. */
  readonly port: number;
  readonly apiKey: string;
  readonly id: string;
}

/** What a follower has received of a stream. */
export interface Followed {
  readonly events: readonly NumberedEvent[];
  /** When the last event came, on the clock of `performance.now()`. */
  readonly endedMs: number;
}

const [eventsRoute] = readRoutes;

/**
 * Follows a stream on one replica from event `after` on, by the events route or another one, and asks on until its last event is
 * there. Throws where an answer is no part of the stream.
 */
export async function readToItsEnd(
  { port, apiKey, id }: KeptStreamOn,
  after: number,
  route: ReadRoute | undefined = eventsRoute,
): Promise<Followed> {
  const events: NumberedEvent[] = [];
  while (!isWhole(events.at(-1)?.payload)) {
    const next = after + events.length;
    const bytes = route?.request({ apiKey, id, after: next, body: '', idempotencyKey: undefined });
    if (bytes === undefined) throw new Error(`${route?.name} needs more than an id`);
    const { response, ended } = await readDropped({ port, bytes, drop: undefined });
    const read = route?.read;
    const isEmpty = read !== undefined && response?.status === 204;
    if (response === undefined || (response.status !== 200 && !isEmpty)) {
      throw new Error(`${route?.name} after ${next}: ${ended} ${response?.status} ${response?.body}`);
    }
    const more = (read?.(response, next) ?? readEvents(response.body.toString('latin1'))).events;
    events.push(...more);
    // A read without `live` answers at once.
    if (more.length === 0) await sleep(50);
  }
  return { events, endedMs: performance.now() };
}
