import { expect, test } from 'vitest';
import { fakeIntent } from './testing/fake-records.ts';
import { startTestLedger } from './testing/test-ledger.ts';

test('a process that ends while it is being answered leaves no open record, beside others that live on', async () => {
  const { host, ledger, stop } = await startTestLedger();
  const ending = host.connect('proc_ending');
  const admission = ending.admit({ scopes: [], intent: fakeIntent('a') });
  await ending.close();
  expect(await admission).toMatchObject({ type: 'admitted' });
  const { data } = await ledger.records({ limit: 10 });
  expect(data).toMatchObject([{ id: 'a', status: 'abandoned' }]);
  await stop();
});
