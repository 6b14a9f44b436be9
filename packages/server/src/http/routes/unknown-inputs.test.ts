import { afterAll, beforeAll, expect, it } from 'vitest';
import { startTestApp, type TestApp, testAdminKey } from '../../testing/start-app.ts';

/* A new route of the administration is in these tests by itself. */

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp({ config: '' });
});
afterAll(() => app?.stop());

async function answerOf(method: string, path: string, body?: string) {
  const response = await fetch(app.url + path.replace(/\{\+?id\}/, 'default'), {
    method,
    headers: { authorization: `Bearer ${testAdminKey}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body }),
  });
  const json = (await response.json()) as { error?: { code: string; param: string } };
  return `${method} ${path} ${response.status} ${json.error?.code} ${json.error?.param}`;
}

const asked = () => app.routes.filter(({ path }) => path.startsWith('/admin/') || path === '/v1/usage');

it('a parameter that a route of the administration does not know is refused by name, and nothing is done', async () => {
  const routes = asked();
  expect(routes.length).toBeGreaterThan(15);
  for (const { method, path } of routes)
    expect(await answerOf(method, `${path}?dry=1`)).toBe(
      `${method} ${path}?dry=1 400 unsupported_parameter dry`,
    );
  const keys = await app.ledger.ledger.keys({ limit: 10 });
  expect(keys.data).toEqual([]);
});

it('a field that a write of the administration does not know is refused by name', async () => {
  for (const { method, path } of asked().filter((route) => route.method !== 'GET'))
    expect(await answerOf(method, path, '{"dry": 1}')).toBe(
      `${method} ${path} 400 unsupported_parameter dry`,
    );
});
