import type { TestServer } from '../support/server.ts';
import { type Drop, type Received, readDropped } from './dropped-connection.ts';
import { type NumberedEvent, readEvents } from './numbered-events.ts';
import { postChat, readRoutes } from './read-routes.ts';

/** A request for a resumable stream of the scripted upstream, and the ways to read it again. */
export interface LabClient {
  readonly body: string;
  /** `headers`: besides `Tailrace-Resumable`. */
  post(headers?: Readonly<Record<string, string>>, drop?: Drop): Promise<Received>;
  /** `GET …/events`, `after` event N. */
  events(id: string, after: number, drop?: Drop): Promise<Received>;
}

export function createLabClient({ port, apiKey }: TestServer, model: string): LabClient {
  const body = JSON.stringify({
    ...{ model: `lab/${model}`, stream: true },
    messages: [{ role: 'user', content: 'Say something.' }],
  });
  const [events] = readRoutes;
  return {
    body,
    post: (headers = {}, drop) =>
      readDropped({
        port,
        drop,
        bytes: postChat(apiKey, body, { 'Tailrace-Resumable': 'true', ...headers }),
      }),
    events(id, after, drop) {
      const bytes = events?.request({ apiKey, body, id, after, idempotencyKey: undefined });
      if (bytes === undefined) throw new Error('there is no route for events');
      return readDropped({ port, drop, bytes });
    },
  };
}

export function idOf({ response }: Received): string {
  return response?.header('tailrace-completion-id') ?? '';
}

/** The events of an answer, which must have nothing else in its body. */
export function eventsOf({ response }: Received): readonly NumberedEvent[] {
  return readEvents(response?.body.toString('latin1') ?? '').events;
}

/** Status and code of a refusal, or of the error event at the end of a stream. */
export function codeOf(received: Received): readonly [number | undefined, unknown] {
  const { response } = received;
  const json = eventsOf(received).at(-1)?.payload ?? response?.body.toString() ?? '';
  return [response?.status, /"code":"([a-z_]+)"/.exec(json)?.[1]];
}

/** Drops the connection when the first so many bytes have come. */
export function dropAfter(afterBytes: number, how: Drop['how'] = 'reset'): Drop {
  return { how, afterBytes, afterMs: 0 };
}
