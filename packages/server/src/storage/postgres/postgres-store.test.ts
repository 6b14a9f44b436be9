import pg from 'pg';
import { expect, onTestFinished, test } from 'vitest';
import { postgresFor, withoutPostgres } from '../../testing/services.ts';
import { describeStore } from '../contract.suite.ts';
import type { TransferRow } from '../transfer.ts';
import { openPostgresStore } from './open-postgres-store.ts';

describeStore('the store in PostgreSQL', {
  ...(withoutPostgres === undefined ? {} : { skipped: withoutPostgres }),
  async open({ outbox = false } = {}) {
    const url = await postgresFor(onTestFinished);
    const open = async () => {
      const opened = await openPostgresStore({ url, outbox });
      if (!opened.ok) throw new Error(opened.message);
      onTestFinished(() => opened.store.close());
      return opened.store;
    };
    // Both migrate the empty database at the same time.
    const [first, second] = await Promise.all([open(), open()]);
    return {
      clients: [first, second],
      // The server's clock cannot be moved, so what it has noted is moved back.
      async pass(ms) {
        const client = new pg.Client({ connectionString: url });
        await client.connect();
        await client.query('UPDATE processes SET beat_at = beat_at - $1::bigint', [ms]);
        await client.query('UPDATE intents SET discarded_at = discarded_at - $1::bigint', [ms]);
        await client.query('UPDATE leases SET expires_at = expires_at - $1::bigint', [ms]);
        await client.end();
      },
    };
  },
});

test.skipIf(withoutPostgres !== undefined)(
  'an import is refused while a server uses the database',
  async () => {
    const opened = await openPostgresStore({ url: await postgresFor(onTestFinished) });
    if (!opened.ok) throw new Error(opened.message);
    const { store } = opened;
    onTestFinished(() => store.close());
    const rows: TransferRow[] = [];
    for await (const row of store.exportRows()) rows.push(row);
    await store.beat('process_1');
    await expect(store.importRows(rows)).rejects.toMatchObject({ code: 'in-use' });
    await store.leave('process_1');
    await expect(store.importRows(rows)).resolves.toBe(rows.length - 2);
  },
);
