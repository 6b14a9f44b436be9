import type { Socket } from 'node:net';
import type { HttpServer } from '../../http/server.ts';
import type { ConnectionNotes } from '../between/connection-notes.ts';

export interface ConnectionLine {
  send(notes: ConnectionNotes): void;
  /** Calls `take` with each connection that the parent gives to this process, and its number. */
  onConnection(take: TakeConnection): void;
}

/** `connection`: undefined where it was reset on its way. */
export type TakeConnection = (id: number, connection: Socket | undefined) => void;

/** Serves the connections that the parent gives, and tells it which have been taken over and how many have closed. */
export function takeConnections(
  server: Pick<HttpServer, 'take'>,
  { send, onConnection }: ConnectionLine,
): void {
  let took: number[] = [];
  let closed = 0;
  let leaving = false;
  function flush(): void {
    leaving = false;
    const notes = { took, closed };
    took = [];
    closed = 0;
    send(notes);
  }
  /** Notes of one turn of the event loop leave together. */
  function sendSoon(): void {
    if (!leaving) setImmediate(flush);
    leaving = true;
  }

  onConnection((id, connection) => {
    took.push(id);
    sendSoon();
    if (connection === undefined) {
      closed += 1;
      return;
    }
    connection.once('close', () => {
      closed += 1;
      sendSoon();
    });
    server.take(connection);
  });
}
