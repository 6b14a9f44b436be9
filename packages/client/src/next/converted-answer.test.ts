import { describe, expect, test } from 'vitest';
import { createChatHandler } from './chat-handler.ts';
import { fakeChatServer } from './fake-chat-server.ts';

const chunk = (delta: object, finish_reason: string | null = null): string =>
  `data: ${JSON.stringify({ id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1, model: 'm', choices: [{ index: 0, delta, finish_reason }] })}\n\n`;
const begun = chunk({ role: 'assistant', content: '' }) + chunk({ content: 'Hi ' });
const whole = `${begun}${chunk({ content: 'there' })}${chunk({}, 'stop')}data: [DONE]\n\n`;
const head = {
  'content-type': 'text/event-stream',
  'tailrace-completion-id': 'chatcmpl-1',
  'tailrace-stream-url': `http://internal:7245/v1/streams/chatcmpl-1?expires=1800000000&signature=${'a'.repeat(64)}`,
  'x-request-id': 'req_1',
  'x-ratelimit-remaining-requests': '7',
};

function handlerOf(format: 'text' | 'ui', answer: () => Response | Promise<Response>) {
  const { fetch, sent } = fakeChatServer(answer);
  const options = { apiKey: 'tr_secret', baseURL: 'http://internal:7245/v1', fetch, format };
  return { sent, ...createChatHandler(options) };
}

function post(signal?: AbortSignal): Request {
  return new Request('https://app.example/api/chat', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ messages: [{ id: 'm1', role: 'user', parts: [{ type: 'text', text: 'Hi' }] }] }),
    ...(signal === undefined ? {} : { signal }),
  });
}

/** An answer that has begun and does not go on; a call that cancels it is answered. */
function unending() {
  const cancelled = Promise.withResolvers<void>();
  const handler = (format: 'text' | 'ui') => {
    let first = true;
    return handlerOf(format, () => {
      if (!first) {
        cancelled.resolve();
        return Response.json({ id: 'chatcmpl-1', status: 'cancelled' });
      }
      first = false;
      const body = new ReadableStream<Uint8Array>({
        start: (controller) => controller.enqueue(new TextEncoder().encode(`id: 1\n${begun}`)),
      });
      return new Response(body, { headers: head });
    });
  };
  return { handler, cancelled: cancelled.promise };
}

describe.each(['text', 'ui'] as const)('as %s', (format) => {
  test('an answer has the headers of the server’s that are true of it, and no address of the server', async () => {
    const handler = handlerOf(format, () => new Response(whole, { headers: head }));
    const response = await handler.POST(post());
    expect(response.status).toBe(200);
    const headers = Object.fromEntries(response.headers);
    expect(headers).toMatchObject({
      'tailrace-completion-id': 'chatcmpl-1',
      'x-request-id': 'req_1',
      'x-ratelimit-remaining-requests': '7',
      'cache-control': 'no-cache, no-transform',
    });
    expect(JSON.stringify(headers)).not.toContain('internal');
    expect(handler.sent[0]?.body).toMatchObject({
      stream: true,
      messages: [{ role: 'user', content: 'Hi' }],
    });
    await response.text();
  });

  test('a refusal has its status, envelope, request id and when to come back', async () => {
    const error = {
      message: 'Too long.',
      type: 'invalid_request_error',
      param: 'messages',
      code: 'context_length_exceeded',
    };
    const headers = { 'x-request-id': 'req_2', 'retry-after': '3' };
    const handler = handlerOf(format, () => Response.json({ error }, { status: 400, headers }));
    const response = await handler.POST(post());
    expect([response.status, await response.json()]).toEqual([400, { error }]);
    expect(Object.fromEntries(response.headers)).toMatchObject(headers);
  });

  test('a refusal of the app’s key is not the page’s', async () => {
    const error = {
      message: 'key tr_secret',
      type: 'authentication_error',
      param: null,
      code: 'invalid_api_key',
    };
    const handler = handlerOf(format, () => Response.json({ error }, { status: 401 }));
    const response = await handler.POST(post());
    expect(response.status).toBe(502);
    expect(await response.text()).not.toContain('secret');
  });

  test('a page that cancels the body stops the completion', async () => {
    const { handler, cancelled } = unending();
    const { sent, POST } = handler(format);
    const reader = (await POST(post())).body?.getReader();
    await reader?.read();
    await reader?.cancel();
    await cancelled;
    expect(sent.at(-1)?.url).toBe('http://internal:7245/v1/chat/completions/chatcmpl-1/cancel');
  });

  test('a page that leaves stops the completion', async () => {
    const { handler, cancelled } = unending();
    const page = new AbortController();
    const { POST } = handler(format);
    // Held: a request that nothing holds may lose its signal.
    const request = post(page.signal);
    const reader = (await POST(request)).body?.getReader();
    await reader?.read();
    page.abort();
    await cancelled;
    expect(request.signal.aborted).toBe(true);
    reader?.cancel().catch(() => {});
  });
});

test('a text is the text, and one that is not whole is broken off', async () => {
  const good = await handlerOf('text', () => new Response(whole, { headers: head })).POST(post());
  expect(await good.text()).toBe('Hi there');
  const cut = await handlerOf(
    'text',
    () => new Response(begun, { headers: { 'content-type': 'text/event-stream' } }),
  ).POST(post());
  expect(cut.status).toBe(200);
  await expect(cut.text()).rejects.toThrow();
});

test('the AI SDK’s page gets parts, and an error part where the answer is not whole', async () => {
  const good = await handlerOf('ui', () => new Response(whole, { headers: head })).POST(post());
  expect(good.headers.get('x-vercel-ai-ui-message-stream')).toBe('v1');
  const parts = await good.text();
  expect(parts).toContain('"delta":"there"');
  expect(parts).toContain('"type":"finish"');
  const cut = await handlerOf(
    'ui',
    () => new Response(begun, { headers: { 'content-type': 'text/event-stream' } }),
  ).POST(post());
  const broken = await cut.text();
  expect(broken).toContain('"type":"error"');
  expect(broken).not.toContain('"type":"finish"}');
});

test.each(['text', 'ui'] as const)('a redirect that leads nowhere is a 502 (%s)', async (format) => {
  for (const status of [302, 304]) {
    const { POST } = handlerOf(format, () => new Response(null, { status }));
    const answer = await POST(post());
    expect(answer.status).toBe(502);
    expect(await answer.json()).toMatchObject({ error: { code: 'upstream_protocol' } });
  }
});
