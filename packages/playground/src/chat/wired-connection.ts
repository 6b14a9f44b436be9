import type { Asked, Connection } from '../api/connection.ts';
import type { WireHeaders, WireLog } from './wire-log.ts';

/** A connection of which each request, and the head of each answer, stands in a log. The key is not there: a connection adds it. */
export function wiredConnection(
  connection: Connection,
  wire: WireLog,
  now: () => number,
): Pick<Connection, 'ask'> {
  return {
    async ask(path, init = {}): Promise<Asked<Response>> {
      const { method = 'GET', headers, body } = init;
      const answered = wire.addRequest(
        {
          method,
          path,
          requestHeaders: headersOf(new Headers(headers)),
          requestBody: typeof body === 'string' ? body : undefined,
        },
        now(),
      );
      const asked = await connection.ask(path, init);
      if (asked.ok) {
        const { status, headers: given } = asked.value;
        answered({ status, headers: headersOf(given), refusal: undefined }, now());
      } else if (asked.refusal !== undefined && asked.status !== undefined) {
        const { headers: given, body: text } = asked.refusal;
        answered({ status: asked.status, headers: headersOf(given), refusal: text }, now());
      }
      return asked;
    },
  };
}

function headersOf(headers: Headers): WireHeaders {
  return [...headers].toSorted(([one], [other]) => (one < other ? -1 : 1));
}
