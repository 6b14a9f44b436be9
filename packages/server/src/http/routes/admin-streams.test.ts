import { expect, test } from 'vitest';
import { testAdminKey } from '../../testing/start-app.ts';
import { startCancellingApp } from '../testing/cancelling-app.ts';

test('a completion that runs is listed with its owner and the tokens that it has delivered until now', async () => {
  const app = await startCancellingApp();
  const listed = async () => {
    const response = await fetch(`${app.url}/admin/v1/streams`, {
      headers: { authorization: `Bearer ${testAdminKey}` },
    });
    return ((await response.json()) as { data: Readonly<Record<string, unknown>>[] }).data;
  };
  try {
    void app.complete('endless', { stream: true });
    const id = await app.running();
    await expect.poll(async () => (await listed())[0]?.['completion_tokens']).toBeGreaterThan(2);
    expect(await listed()).toEqual([
      {
        ...{ id, owner: 'default', model: 'endless', target: 'lab/endless', stream: true },
        request_id: expect.any(String),
        key_id: expect.any(String),
        completion_tokens: expect.any(Number),
        created_at: expect.any(String),
      },
    ]);
    await app.adminCancel(id);
    await expect.poll(listed).toEqual([]);
  } finally {
    await app.stop();
  }
});
