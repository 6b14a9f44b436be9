import { promptOf, tagCount } from '../record.ts';
import { ClientConnection, requestTo } from './client-connection.ts';
import type { LoadTarget } from './load-job.ts';

/** The upstream sends one record, and the next after an hour. */
const order = { records: 2, intervalUs: 3.6e9, together: false };
const atATime = 100;

/** Streams that have begun and are silent; the caller closes them. */
export class SilentStreams {
  private connections: ClientConnection[] = [];

  /** Resolves when the first record of each has come; rejects where one ends. */
  async open(target: LoadTarget, count: number): Promise<void> {
    while (this.connections.length < count) {
      const some = Math.min(atATime, count - this.connections.length);
      await Promise.all(Array.from({ length: some }, () => this.openOne(target)));
    }
  }

  close(): void {
    for (const connection of this.connections) connection.close();
    this.connections = [];
  }

  private openOne(target: LoadTarget): Promise<void> {
    const connection = new ClientConnection(target);
    const tag = this.connections.push(connection) % tagCount;
    return new Promise((resolve, reject) => {
      connection.ask(requestTo(target, promptOf(tag, order), false), tag, order.records, {
        record: () => resolve(),
        whole: () => reject(new Error('a silent stream ended')),
        broken: (reason) => reject(new Error(reason)),
      });
    });
  }
}
