import { expect, test } from 'vitest';
import { createConnection } from '../api/connection.ts';
import { brokenOff, connectionLost, foreignAnswer } from '../api/failure.ts';
import { openAnswer } from './answer.ts';
import { resumeCompletion, runCompletion } from './run-completion.ts';
import { createWireLog } from './wire-log.ts';

const body = { model: 'a', messages: [], stream: true };

function event(id: number, delta: object, finish: string | null = null): string {
  return `id: ${id}\ndata: ${JSON.stringify({ choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`;
}

/** A server whose answers come in this order; one of undefined is a server that is not there. */
function serverOf(answers: readonly (Response | ((signal?: AbortSignal) => Response) | undefined)[]) {
  const asked: string[] = [];
  const waiting = [...answers];
  const fetch = async (input: RequestInfo | URL, init: RequestInit = {}): Promise<Response> => {
    asked.push(String(input));
    const answer = waiting.shift();
    if (answer === undefined) throw new TypeError('fetch failed');
    return answer instanceof Function ? answer(init.signal ?? undefined) : answer;
  };
  const answer = openAnswer(0);
  const parts = {
    connection: createConnection(fetch, 'key'),
    answer,
    wire: createWireLog(0),
    signal: new AbortController().signal,
    now: () => 0,
    wait: async () => {},
    onBegin: () => {},
    onMore: () => {},
  };
  return { asked, answer, parts };
}

const begunBy = (body: BodyInit): Response =>
  new Response(body, { headers: { 'tailrace-completion-id': 'chatcmpl-1', 'tailrace-target': 'lab/a' } });
const begun = (text: string): Response => begunBy(text);

/** A body that breaks off by an error of the connection. */
function broken(text: string): Response {
  const pieces = new ReadableStream({
    pull(controller) {
      controller.enqueue(new TextEncoder().encode(text));
      controller.error(new TypeError('network error'));
    },
  });
  return begunBy(pieces);
}

/** A body without an end, until its connection is aborted. */
function endless(text: string): (signal?: AbortSignal) => Response {
  return (signal) =>
    begunBy(
      new ReadableStream({
        start(controller) {
          controller.enqueue(new TextEncoder().encode(text));
          signal?.addEventListener('abort', () => controller.error(signal.reason));
        },
      }),
    );
}

const first = event(1, { role: 'assistant', content: '' }) + event(2, { content: 'Riv' });
const rest = `${event(3, { content: 'ers' })}${event(4, {}, 'stop')}id: 5\ndata: [DONE]\n\n`;

test('a stream whose connection ends early is picked up behind its last event', async () => {
  const { asked, answer, parts } = serverOf([begun(first), undefined, new Response(rest)]);
  expect(await runCompletion(parts, body)).toBeUndefined();
  expect(answer.output().text).toBe('Rivers');
  const events = '/v1/chat/completions/chatcmpl-1/events?after=2';
  expect(asked).toEqual(['/v1/chat/completions', events, events]);
  expect(answer.facts('done')).toMatchObject({ pickedUp: { times: 1 }, completionId: 'chatcmpl-1' });
});

test('what a head was too early to say is asked of the kept stream, and not where the head has said it', async () => {
  const kept = {
    'tailrace-target': 'engine/a',
    'server-timing': 'queue;dur=9000, prompt;dur=40',
    'x-request-id': 'req_2',
  };
  const early = () =>
    new Response(first + rest, {
      headers: { 'tailrace-completion-id': 'chatcmpl-1', 'x-request-id': 'req_1' },
    });
  const { asked, answer, parts } = serverOf([early(), new Response(null, { headers: kept })]);
  expect(await runCompletion(parts, body)).toBeUndefined();
  expect(asked).toEqual(['/v1/chat/completions', '/v1/streams/chatcmpl-1']);
  const facts = { target: 'engine/a', queueMs: 9000, promptMs: 40, requestId: 'req_1' };
  expect(answer.facts('done')).toMatchObject(facts);
  const punctual = serverOf([
    new Response(first + rest, { headers: { 'tailrace-completion-id': 'chatcmpl-1', ...kept } }),
  ]);
  expect(await runCompletion(punctual.parts, body)).toBeUndefined();
  expect(punctual.asked).toEqual(['/v1/chat/completions']);
  // The server that is gone meanwhile takes nothing away from a whole answer.
  const gone = serverOf([early(), undefined]);
  expect(await runCompletion(gone.parts, body)).toBeUndefined();
});

test('an answer that does not stream is whole, or says why it is not', async () => {
  const whole = { choices: [{ index: 0, message: { content: 'Rivers' }, finish_reason: 'stop' }] };
  const read = async (response: Response) => {
    const { answer, parts } = serverOf([response]);
    const failure = await runCompletion(parts, { ...body, stream: false });
    return [answer.output().text, failure];
  };
  expect(await read(begun(JSON.stringify(whole)))).toEqual(['Rivers', undefined]);
  expect(await read(broken(JSON.stringify(whole).slice(0, 40)))).toEqual(['', brokenOff]);
  expect(await read(begun('<p>A proxy is here.</p>'))).toEqual(['', foreignAnswer]);
});

test('an event of several megabytes is no less than any other', async () => {
  const long = 'river '.repeat(500_000);
  const { answer, parts } = serverOf([begun(first + event(3, { content: long }) + event(4, {}, 'stop'))]);
  await runCompletion(parts, body);
  expect(answer.output().text).toBe(`Riv${long}`);
});

test('the wire has each request and head, and every byte, and not the key', async () => {
  const { parts } = serverOf([begun(first), new Response(rest)]);
  await runCompletion(parts, body);
  const { exchanges, pieces } = parts.wire;
  expect(exchanges).toMatchObject([
    {
      method: 'POST',
      path: '/v1/chat/completions',
      requestBody: JSON.stringify(body),
      answer: { status: 200 },
    },
    { method: 'GET', requestBody: undefined, answer: { status: 200 } },
  ]);
  expect(exchanges[0]?.requestHeaders).toContainEqual(['tailrace-resumable', 'true']);
  expect(exchanges[0]?.answer?.headers).toContainEqual(['tailrace-completion-id', 'chatcmpl-1']);
  expect(JSON.stringify(exchanges)).not.toContain('Bearer');
  const text = pieces.items.map(({ bytes }) => new TextDecoder().decode(bytes)).join('');
  expect(text).toBe(first + rest);
});

test('a refusal is on the wire with its body', async () => {
  const refusal = { error: { code: 'invalid_value', message: 'No.', param: 'n' } };
  const { parts } = serverOf([Response.json(refusal, { status: 400 })]);
  expect(await runCompletion(parts, body)).toMatchObject({ code: 'invalid_value', param: 'n' });
  expect(parts.wire.exchanges).toMatchObject([{ answer: { status: 400, refusal: JSON.stringify(refusal) } }]);
});

test('the figures say that it was picked up, and that each event has come once', async () => {
  const { answer, parts } = serverOf([begun(first), undefined, new Response(rest)]);
  await runCompletion(parts, body);
  expect(answer.facts('done').pickedUp).toEqual({ times: 1, afterMs: 0, isComplete: true });
  const whole = serverOf([begun(first + rest)]);
  await runCompletion(whole.parts, body);
  expect(whole.answer.facts('done').pickedUp).toBeUndefined();
});

test('a stream that begins anew behind a gap is not called complete', async () => {
  const later = `${event(5, { content: 'ers' })}${event(6, {}, 'stop')}id: 7\ndata: [DONE]\n\n`;
  const { answer, parts } = serverOf([begun(first), new Response(later)]);
  await runCompletion(parts, body);
  expect(answer.facts('done').pickedUp).toMatchObject({ times: 1, isComplete: false });
});

test('a connection that is cut on purpose leaves the run, and an abort of the run ends it', async () => {
  const connections: AbortController[] = [];
  const { answer, parts, asked } = serverOf([endless(first), endless(event(3, { content: 'er' }))]);
  const abort = new AbortController();
  const running = runCompletion(
    {
      ...parts,
      signal: abort.signal,
      nextConnection() {
        const connection = new AbortController();
        connections.push(connection);
        return connection.signal;
      },
      onMore() {
        if (answer.output().text === 'Riv') connections[0]?.abort();
        if (answer.output().text === 'River') abort.abort();
      },
    },
    body,
  );
  await expect(running).rejects.toThrow();
  expect(asked).toHaveLength(2);
  expect(answer.facts('stopped').pickedUp).toMatchObject({ times: 1, isComplete: true });
});

test('a stream whose connection breaks is picked up from what has come whole', async () => {
  const { answer, parts } = serverOf([broken('id: 1\nda'), new Response(first + rest)]);
  expect(await runCompletion(parts, body)).toBeUndefined();
  expect(answer.output().text).toBe('Rivers');
});

test('a server that stays away is asked a few times, then the answer counts as lost', async () => {
  const { asked, parts } = serverOf([begun(first)]);
  expect(await runCompletion(parts, body)).toEqual(connectionLost);
  expect(asked.length).toBeLessThan(8);
});

test('an error event is the end, whatever the connection does', async () => {
  const failed = `id: 3\ndata: {"error":{"code":"upstream_cut","message":"Cut.","request_id":"req_1"}}\n\n`;
  const { asked, parts } = serverOf([begun(first + failed)]);
  expect(await runCompletion(parts, body)).toEqual({
    code: 'upstream_cut',
    message: 'Cut.',
    requestId: 'req_1',
  });
  expect(asked).toHaveLength(1);
});

test('a refusal to pick it up is what the server says', async () => {
  const gone = { error: { code: 'completion_not_found', message: 'Gone.', param: null } };
  const { parts } = serverOf([Response.json(gone, { status: 404 })]);
  expect(await resumeCompletion(parts, { completionId: 'chatcmpl-1' })).toMatchObject({
    code: 'completion_not_found',
  });
});

const streamPath = '/v1/streams/chatcmpl-1?expires=1&signature=ab';
const choice = (delta: object, finish: string | null = null): object => ({
  choices: [{ index: 0, delta, finish_reason: finish }],
});
const data = (...messages: object[]): string => `event: data\ndata:${JSON.stringify(messages)}\n\n`;
const closed = 'event: control\ndata:{"streamNextOffset":"000000000003","streamClosed":true}\n\n';

test('after a reload a stream is read at its signed address, and again from where that answer ended', async () => {
  const begin = data(choice({ role: 'assistant', content: '' }), choice({ content: 'Riv' }));
  const end = data(choice({ content: 'ers' }), choice({}, 'stop')) + closed;
  const { asked, answer, parts } = serverOf([new Response(begin), new Response(end)]);
  expect(await resumeCompletion(parts, { completionId: 'chatcmpl-1', streamPath })).toBeUndefined();
  expect(answer.output().text).toBe('Rivers');
  expect(asked).toEqual([`${streamPath}&live=sse&offset=-1`, `${streamPath}&live=sse&offset=000000000002`]);
});

test('a signed address that is not taken any more gives way to the id', async () => {
  const gone = { error: { code: 'completion_not_found', message: 'Gone.', param: null } };
  const { asked, answer, parts } = serverOf([
    Response.json(gone, { status: 404 }),
    new Response(first + rest),
  ]);
  expect(await resumeCompletion(parts, { completionId: 'chatcmpl-1', streamPath })).toBeUndefined();
  expect(answer.output().text).toBe('Rivers');
  expect(asked[1]).toBe('/v1/chat/completions/chatcmpl-1/events?after=0');
});

test('a stream that ends at its signed address without a finish has failed', async () => {
  const { parts } = serverOf([new Response(data(choice({ content: 'Riv' })) + closed)]);
  expect(await resumeCompletion(parts, { completionId: 'chatcmpl-1', streamPath })).toEqual(connectionLost);
});
