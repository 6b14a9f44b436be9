import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startTestApp, type TestApp, testKey } from '../testing/start-app.ts';

const page = readFileSync(new URL('../../../../docs/http.md', import.meta.url), 'utf8');
const wireFormat = readFileSync(
  new URL('../../../../docs/streaming/wire-format.md', import.meta.url),
  'utf8',
);
const folder = mkdtempSync(join(tmpdir(), 'tailrace-http-doc-'));

function block(language: string, from = page): string {
  const found = new RegExp(`\`\`\`${language}\\b[^\n]*\n([^]*?)\`\`\``).exec(from)?.[1];
  if (found === undefined) throw new Error(`the page has no block of ${language}`);
  return found;
}

let app: TestApp;
beforeAll(async () => {
  const script = join(folder, 'answers.yaml');
  const steps = '[{text: [Hel, lo]}, {usage: {prompt_tokens: 9, completion_tokens: 2}}]';
  writeFileSync(script, `answers: [{steps: ${steps}}]\n`);
  app = await startTestApp({
    config: `upstreams: {lab: {kind: scripted, script: ${script}}}\nmodels: {chat: {targets: [{upstream: lab, model: demo}]}}\nauth: {oidc: {issuer: "https://id", client_id: us, client_secret: hush, admins: [a@b.c]}}`,
    files: { [script]: '' },
  });
});
afterAll(async () => {
  await app?.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** The request of the page, with these fields besides. */
async function answerTo(more: object): Promise<string> {
  const body = JSON.parse(/-d '(.*)'/.exec(block('sh'))?.[1] ?? '') as object;
  const response = await fetch(`${app.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${testKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ ...body, ...more }),
  });
  const text = await response.text();
  // What differs from run to run, as the page has it.
  return text
    .replaceAll(/chatcmpl-[\w-]+/g, 'chatcmpl-…')
    .replaceAll(/"created":\d+/g, '"created":1795868396');
}

it('the stream of the page of the wire format is what its request is answered with, byte for byte', async () => {
  expect(await answerTo({})).toBe(block('text', wireFormat));
});

it('the answer without streaming is the one of the page', async () => {
  const answer = await answerTo({ stream: false });
  expect(answer).toBe(JSON.stringify(JSON.parse(block('json'))));
});

it('the answer of a cancel has the members of the one of the page', async () => {
  await answerTo({ stream: false });
  const { data } = await app.ledger.ledger.records({ limit: 1 });
  const id = data[0]?.id ?? '';
  const response = await fetch(`${app.url}/v1/chat/completions/${id}/cancel`, {
    method: 'POST',
    headers: { authorization: `Bearer ${testKey}` },
  });
  const shown = JSON.parse(/^\{"id": "chatcmpl-…", "status": .*$/m.exec(page)?.[0] ?? '{}') as object;
  expect(await response.json()).toEqual({ ...shown, id, status: 'completed' });
});

it('the table of routes has every route with its key, and no other', () => {
  const keys = {
    ...{ none: 'public', any: 'key', admin: 'admin' },
    ...{ 'any, or signed': 'stream', 'admin, or a code': 'sign-in' },
  } as const;
  const rows = [
    ...page.matchAll(/^\| (`[A-Z]+ \/.*?) \| (none|any|any, or signed|admin|admin, or a code) \|/gm),
  ];
  const shown = rows.flatMap(([, routes = '', key = 'none']) =>
    Array.from(
      routes.matchAll(/`([A-Z]+ \S+)`/g),
      ([, route]) => `${route} ${keys[key as keyof typeof keys]}`,
    ),
  );
  const served = app.routes.map(
    ({ method, path, access }) => `${method} ${path.replace('{+', '{')} ${access}`,
  );
  expect(shown.toSorted()).toEqual(served.toSorted());
});
