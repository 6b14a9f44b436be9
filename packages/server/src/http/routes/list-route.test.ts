/** Every list of the administration that this process has in memory: models, targets and live streams. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestApp, type TestApp, testAdminKey, testKey } from '../../testing/start-app.ts';
import { type FakeOrigin, startFakeOrigin } from '../../transport/fake-origin.ts';

const begun = `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content: 'Well' } }] })}\n\n`;

let origin: FakeOrigin;
let app: TestApp;
const clients = new AbortController();

beforeAll(async () => {
  origin = await startFakeOrigin(({ socket }) => {
    socket.write(`HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n${begun}`);
  });
  const models = Array.from(
    { length: 5 },
    (_, at) => `  m/${at}: {targets: [{upstream: lab, model: "n ${at}"}]}`,
  );
  app = await startTestApp({
    config: `
upstreams: {lab: {base_url: "${origin.url}v1", api_key: k}}
models:
${models.join('\n')}
`,
  });
  for (let stream = 0; stream < 5; stream += 1) {
    const answer = await fetch(`${app.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${testKey}`, 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'm/0', stream: true, messages: [{ role: 'user', content: 'Hello' }] }),
      signal: clients.signal,
    });
    expect(answer.status).toBe(200);
  }
});
afterAll(async () => {
  clients.abort();
  await app.stop();
  await origin.close();
});

interface Page {
  readonly data: readonly { readonly id: string }[];
  readonly has_more: boolean;
}

async function get(path: string, query: string): Promise<{ status: number; page: Page; text: string }> {
  const response = await fetch(`${app.url}${path}${query}`, {
    headers: { authorization: `Bearer ${testAdminKey}` },
  });
  const text = await response.text();
  return { status: response.status, page: JSON.parse(text) as Page, text };
}

describe.each(['/admin/v1/models', '/admin/v1/upstreams', '/admin/v1/streams'])('%s', (path) => {
  it('is read page by page, each entry once and in the order of the whole list', async () => {
    const { page: whole } = await get(path, '');
    expect([whole.data.length, whole.has_more]).toEqual([5, false]);
    const ids: string[] = [];
    for (const [size, more] of [
      [2, true],
      [2, true],
      [1, false],
    ] as const) {
      const last = ids.at(-1);
      const after = last === undefined ? '' : `&after=${encodeURIComponent(last)}`;
      const { page } = await get(path, `?limit=2${after}`);
      expect([page.data.length, page.has_more]).toEqual([size, more]);
      ids.push(...page.data.map(({ id }) => id));
    }
    expect(ids).toEqual(whole.data.map(({ id }) => id));
    expect((await get(path, '?limit=5')).page).toMatchObject({ has_more: false });
    expect((await get(path, `?after=${encodeURIComponent(ids.at(-1) ?? '')}`)).page).toEqual({
      data: [],
      has_more: false,
    });
  });

  it.each([
    ['?after=gone', 'after'],
    ['?after=', 'after'],
    ['?limit=0', 'limit'],
    ['?limit=1001', 'limit'],
    ['?limit=2.5', 'limit'],
    ['?page=2', 'page'],
  ])('refuses %s', async (query, parameter) => {
    const { status, text } = await get(path, query);
    expect([status, text]).toEqual([400, expect.stringContaining(parameter)]);
  });
});
