import { expect, it } from 'vitest';
import type { WebhookStatus } from '../../ledger/contract.ts';
import { startTestApp, testAdminKey } from '../../testing/start-app.ts';

async function shown(webhook?: WebhookStatus): Promise<unknown> {
  const app = await startTestApp({ config: '', ...(webhook === undefined ? {} : { webhook }) });
  try {
    const response = await fetch(`${app.url}/admin/v1/webhook`, {
      headers: { authorization: `Bearer ${testAdminKey}` },
    });
    return await response.json();
  } finally {
    await app.stop();
  }
}

it('says how many events wait, why, and when the first of them is tried again', async () => {
  const atMs = Date.UTC(2026, 10, 28, 9);
  const failing = { event: 'chatcmpl-1', reason: 'status 403', tries: 4, nextTryAtMs: atMs + 60_000 };
  expect(await shown({ waiting: 3, oldestAtMs: atMs, delivers: true, failing })).toEqual({
    configured: true,
    waiting: 3,
    oldest_at: '2026-11-28T09:00:00.000Z',
    delivers: true,
    failing: {
      event: 'chatcmpl-1',
      reason: 'status 403',
      tries: 4,
      next_try_at: '2026-11-28T09:01:00.000Z',
    },
  });
});

it('says where no event waits, and where there is no webhook', async () => {
  const nothing = { waiting: 0, oldest_at: null, failing: null };
  const idle = { waiting: 0, oldestAtMs: null, delivers: false };
  expect(await shown(idle)).toEqual({ configured: true, delivers: false, ...nothing });
  expect(await shown()).toEqual({ configured: false, delivers: false, ...nothing });
});
