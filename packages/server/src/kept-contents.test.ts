import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { startTestApp, type TestApp, testAdminKey, testKey } from './testing/start-app.ts';

/* What is kept of prompts and answers: where it is asked for, and nowhere else. */

const upstreamKey = 'sealed-key-of-the-upstream';
let folder: string;
let scriptFile: string;
let app: TestApp;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tailrace-contents-'));
  scriptFile = join(folder, 'answers.yaml');
  await writeFile(
    scriptFile,
    `answers:
  - when: {last_message_contains: cut}
    steps: [{text: [Half an, " answer"]}, {fail: {code: upstream_cut, message: cut}}]
  - when: {last_message_contains: refuse}
    steps: [{fail: {code: overloaded, message: no}}]
  - when: {last_message_contains: call}
    steps: [{tool_call: {name: get_weather, arguments: {city: Bern}, pieces: 3}}]
  - steps: [{reasoning: thinking}, {text: [planted, -answer, " with ${upstreamKey}"]}]
`,
  );
});

afterAll(() => rm(folder, { recursive: true }));
afterEach(() => app.stop());

async function start(logging: object, otherUrl = 'http://127.0.0.1:9/v1'): Promise<void> {
  const target = { targets: [{ upstream: 'lab', model: 'm' }] };
  const quoting = { targets: [{ upstream: 'other', model: 'm' }] };
  app = await startTestApp({
    config: JSON.stringify({
      upstreams: {
        lab: { kind: 'scripted', script: scriptFile },
        other: { kind: 'openai', base_url: otherUrl, api_key: upstreamKey },
      },
      models: {
        plain: target,
        kept: { ...target, logging: { content: true } },
        never: { ...target, logging: { content: false } },
        quoting: { ...quoting, aliases: ['quoting-too'] },
        'quoting-never': { ...quoting, aliases: ['quoting-never-too'], logging: { content: false } },
      },
      retry: { per_target: 1 },
      logging,
    }),
    files: { [scriptFile]: '' },
  });
}

interface Asked {
  readonly content?: string;
  readonly stream?: boolean;
  readonly key?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The id of the completion. */
async function ask(
  model: string,
  { content = 'planted-question', stream = true, key = testKey, headers = {} }: Asked = {},
) {
  const response = await fetch(`${app.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ model, stream, messages: [{ role: 'user', content }] }),
  });
  await response.text();
  return response.headers.get('tailrace-completion-id') ?? '';
}

async function admin(
  path: string,
  init: RequestInit = {},
): Promise<{ status: number; json: Record<string, unknown> }> {
  const response = await fetch(`${app.url}/admin/v1/${path}`, {
    ...init,
    headers: { authorization: `Bearer ${testAdminKey}`, 'content-type': 'application/json' },
  });
  return { status: response.status, json: (await response.json()) as Record<string, unknown> };
}

async function kept(id: string) {
  return await vi.waitFor(
    async () => {
      const { status, json } = await admin(`requests/${id}/content`);
      expect(status).toBe(200);
      return json;
    },
    { timeout: 20_000, interval: 15 },
  );
}

async function keyWith(fields: object): Promise<string> {
  const { json } = await admin('keys', { method: 'POST', body: JSON.stringify(fields) });
  return String(json['key']);
}

describe('a prompt and its answer', () => {
  it('are kept with secrets masked, for administrators, and are in no line of the log', async () => {
    await start({ content: true, level: 'debug' });
    const id = await ask('plain', { content: `planted-question with ${testKey}` });
    const content = await kept(id);
    expect(content).toEqual({
      id,
      created_at: expect.stringMatching(/^\d{4}-/),
      messages: [{ role: 'user', content: 'planted-question with ***' }],
      messages_left_out: 0,
      choices: [
        {
          index: 0,
          finish_reason: 'stop',
          message: { role: 'assistant', content: 'planted-answer with ***', reasoning_content: 'thinking' },
        },
      ],
    });
    expect(JSON.stringify(app.logged())).not.toContain('planted');
    const { status } = await admin(`requests/${id}/content`, { headers: {} });
    expect(status).toBe(200);
    const ofClient = await fetch(`${app.url}/admin/v1/requests/${id}/content`, {
      headers: { authorization: `Bearer ${testKey}` },
    });
    expect(ofClient.status).toBe(403);
  });

  it.each([true, false])('are kept of an answer with a tool call, streamed %s', async (stream) => {
    await start({ content: true });
    const content = await kept(await ask('plain', { content: 'call it', stream }));
    expect(content['choices']).toMatchObject([
      {
        finish_reason: 'tool_calls',
        message: { tool_calls: [{ function: { name: 'get_weather', arguments: '{"city":"Bern"}' } }] },
      },
    ]);
  });

  it('are kept of an answer that broke off, and of one that never came', async () => {
    await start({ content: true });
    const cut = await kept(await ask('plain', { content: 'cut' }));
    expect(cut['choices']).toMatchObject([{ finish_reason: null, message: { content: 'Half an answer' } }]);
    await ask('plain', { content: 'refuse', stream: false });
    const records = await admin('requests?status=failed');
    const [record] = records.json['data'] as { id: string }[];
    expect((await kept(record?.id ?? ''))['choices']).toEqual([]);
  });

  it('are kept of a stream whose client has left', async () => {
    await start({ content: true });
    const id = await ask('plain', { headers: { 'tailrace-resumable': 'true' } });
    expect((await kept(id))['messages']).toEqual([{ role: 'user', content: 'planted-question' }]);
  });

  it('are kept where the model or the key asks for it, and not where one of them forbids it', async () => {
    await start({ content: false });
    const yes = await keyWith({ log_content: true });
    const no = await keyWith({ log_content: false });
    await kept(await ask('kept'));
    await kept(await ask('plain', { key: yes }));
    const not = [await ask('plain'), await ask('kept', { key: no }), await ask('never', { key: yes })];
    // Contents are kept in their order: what comes before this one has been kept or never will be.
    await kept(await ask('kept'));
    for (const id of not) {
      expect(await admin(`requests/${id}/content`)).toMatchObject({
        status: 404,
        json: { error: { code: 'completion_not_found' } },
      });
    }
  });

  it('are not in the log in the words of an upstream either, where the key or the model forbids it', async () => {
    const upstream = createServer((request, response) => {
      request.resume().on('end', () => {
        if (request.url?.includes('chat') !== true) return;
        response.writeHead(500, { 'content-type': 'application/json' });
        response.end('{"error": {"message": "I cannot read planted-question"}}');
      });
    });
    await new Promise<void>((resolve) => void upstream.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => {
      upstream.closeAllConnections();
      upstream.close();
    });
    await start({ content: true }, `http://127.0.0.1:${(upstream.address() as AddressInfo).port}/v1`);
    const no = await keyWith({ log_content: false });
    for (const model of ['quoting', 'quoting-too', 'quoting-never', 'quoting-never-too']) await ask(model);
    await ask('quoting', { key: no });
    await ask('quoting', { key: no, headers: { 'tailrace-resumable': 'true' } });
    const shown = app
      .logged()
      .filter(({ detail }) => String(detail).includes('planted'))
      .map(({ model }) => model);
    expect(shown).toEqual(['quoting', 'quoting-too']);
  });

  it('a key shows what it says, and can be changed', async () => {
    await start({ content: true });
    const made = await admin('keys', { method: 'POST', body: '{"log_content": false}' });
    expect(made.json).toMatchObject({ log_content: false });
    const changed = await admin(`keys/${made.json['id']}`, {
      method: 'PATCH',
      body: '{"log_content": null}',
    });
    expect(changed.json).toMatchObject({ log_content: null });
    const wrong = await admin('keys', { method: 'POST', body: '{"log_content": "yes"}' });
    expect(wrong).toMatchObject({ status: 400, json: { error: { param: 'log_content' } } });
  });
});
