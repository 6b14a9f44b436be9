import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import * as ai from '../ai/index.ts';
import { createHealingFetch } from '../index.ts';
import { fakeChatServer } from './fake-chat-server.ts';
import * as next from './index.ts';

const page = readFileSync(new URL('../../../../docs/apps.md', import.meta.url), 'utf8');
const samples = [...page.matchAll(/```js.*\n([\s\S]*?)```/g)].map(([, code = '']) => code);

/** Runs a sample; what it declares last comes back. Its handler asks this server. */
function run(code: string, fetch?: ReturnType<typeof fakeChatServer>['fetch']): unknown {
  const createChatHandler = (options: next.ChatHandlerOptions) =>
    next.createChatHandler({ ...options, fetch });
  const body = code
    .replaceAll(/import (\{[^}]*\}) from 'tailrace\/(\w+)';/g, 'const $1 = modules.$2;')
    .replace(/import (\{[^}]*\}) from 'tailrace';/, 'const $1 = modules.client;')
    .replace('export const { GET, POST, DELETE } =', 'return')
    .replace(/const (model|fetch) = /, 'return ');
  return new Function('modules', body)({
    ai,
    client: { createHealingFetch },
    next: { ...next, createChatHandler },
  });
}

const post = (headers: Record<string, string>, body: object): Request =>
  new Request('https://app.example/api/chat', {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });

test('the samples of docs/apps.md do what the page says', async () => {
  expect(samples).toHaveLength(4);
  const messages = [{ role: 'user', content: 'Hi' }];
  const { fetch, sent } = fakeChatServer(() => Response.json({}));

  const chat = run(samples[0] ?? '', fetch) as next.ChatHandler;
  await chat.POST(post({}, { messages, model: 'other' }));
  expect(sent[0]?.body).toEqual({
    model: 'default',
    stream: true,
    messages: [{ role: 'system', content: 'Answer in one or two sentences.' }, ...messages],
  });

  const guarded = run(samples[1] ?? '', fetch) as next.ChatHandler;
  expect((await guarded.POST(post({}, { messages }))).status).toBe(401);
  await guarded.POST(post({ 'x-team': 'blue' }, { messages, brief: true }));
  expect(sent[1]?.body).toEqual({ model: 'acme/small', stream: true, messages, max_tokens: 400 });

  expect(run(samples[2] ?? '')).toMatchObject({ modelId: 'default', provider: 'tailrace.chat' });
  expect(run(samples[3] ?? '')).toBeTypeOf('function');
});
