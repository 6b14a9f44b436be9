import { connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { answerRequest } from './answer-request.ts';
import { faults } from './catalogue.ts';
import type { OwnedConnection } from './connection.ts';
import { createCounters } from './stats.ts';
import { createWall, type Wall } from './wall.ts';

const messages = [{ role: 'user', content: 'Where does the water go?' }];
const schema = { type: 'json_schema', json_schema: { name: 'a', schema: {} } };

/** Unusual requests that are valid: every fault plays on them. */
const odd: readonly Readonly<Record<string, unknown>>[] = [
  {},
  { max_tokens: 0 },
  { max_tokens: 1 },
  { max_completion_tokens: 2 },
  {
    max_tokens: null,
    stop: null,
    n: null,
    seed: null,
    tools: null,
    response_format: null,
    stream_options: null,
  },
  { n: 8 },
  { n: 8, max_tokens: 1 },
  { stop: '' },
  { stop: ' ' },
  { stop: ['e', 'a', '\\', '"'] },
  { seed: 1e300 },
  { tools: [] },
  { tools: [{ type: 'custom' }, { type: 'function', function: { name: 'a"b\u0000' } }] },
  { response_format: { type: 'text' } },
  { response_format: { type: 'json_object' } },
  { response_format: { type: 'json_object' }, max_tokens: 1 },
  { response_format: { type: 'json_object' }, stop: ['t', '\\', '"'] },
  { response_format: schema, n: 3 },
  { response_format: schema, messages: [...messages, { role: 'assistant', content: '{"text": "' }] },
  { messages: [{ role: 'assistant', content: 'alone' }] },
  { messages: [{ role: 'user', content: null }] },
  { messages: [{ role: '', content: ['plain', { type: 'image_url' }, { text: '\ud83d' }] }] },
  { stream_options: { include_usage: true } },
];

/** Bodies that are refused, and their wrong field. */
const badRequests: readonly (readonly [fields: Readonly<Record<string, unknown>>, param: string])[] = [
  [{ messages: undefined }, 'messages'],
  [{ messages: [] }, 'messages'],
  [{ messages: {} }, 'messages'],
  [{ messages: [null] }, 'messages[0]'],
  [{ messages: ['hello'] }, 'messages[0]'],
  [{ messages: [{ content: 'a' }] }, 'messages[0].role'],
  [{ messages: [{ role: 'user', content: 5 }] }, 'messages[0].content'],
  [{ messages: [...messages, { role: 'user', content: [[]] }] }, 'messages[1].content[0]'],
  [{ messages: [{ role: 'user', content: [{ type: 'text', text: {} }] }] }, 'messages[0].content[0].text'],
  [{ stream: 'yes' }, 'stream'],
  [{ stream_options: [] }, 'stream_options'],
  [{ stream_options: { include_usage: 1 } }, 'stream_options.include_usage'],
  [{ max_tokens: -1 }, 'max_tokens'],
  [{ max_tokens: 1.5 }, 'max_tokens'],
  [{ max_completion_tokens: '3' }, 'max_completion_tokens'],
  [{ seed: 'seven' }, 'seed'],
  [{ stop: 5 }, 'stop'],
  [{ stop: ['a', null] }, 'stop'],
  [{ n: 0 }, 'n'],
  [{ n: 9 }, 'n'],
  [{ n: 1e9 }, 'n'],
  [{ n: 'two' }, 'n'],
  [{ response_format: 'json_object' }, 'response_format'],
  [{ response_format: {} }, 'response_format.type'],
  [{ response_format: { type: { toString: 1, valueOf: 1 } } }, 'response_format.type'],
  [{ tools: {} }, 'tools'],
  [{ tools: [7] }, 'tools[0]'],
  [{ tools: [{ type: 'function' }] }, 'tools[0].function.name'],
];

interface Answered {
  readonly bytes: string;
  readonly bugs: readonly unknown[];
}

/** One request to the wall in this process; the peer leaves after `writes` of its answer, and no time passes. */
async function ask(
  body: string,
  writes = 60,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answered> {
  const left = new AbortController();
  const written: string[] = [];
  const bugs: unknown[] = [];
  const connection: OwnedConnection = {
    left: left.signal,
    leftByPeer: () => left.signal.aborted,
    async write(bytes) {
      if (left.signal.aborted) return false;
      written.push(bytes.toString().slice(0, 2_000));
      if (written.length >= writes) left.abort();
      return !left.signal.aborted;
    },
    fin: () => left.abort(),
    reset: () => left.abort(),
  };
  await answerRequest(
    connection,
    {
      method: 'POST',
      path: '/v1/chat/completions',
      headers: new Map(Object.entries(headers)),
      body,
      keepAlive: true,
    },
    {
      counters: createCounters(),
      paceMs: 0,
      now: () => 0,
      sleep: async (milliseconds) => {
        if (milliseconds > 3_600_000) left.abort();
      },
      refusePort: () => 1,
      onBug: (error) => bugs.push(error),
    },
  );
  return { bytes: written.join(''), bugs };
}

const bodyOf = (fault: string, fields: Readonly<Record<string, unknown>>) =>
  JSON.stringify({ model: `wall/${fault}`, messages, stream: true, ...fields });

describe.each(faults)('the fault $name', ({ name, asks }) => {
  it('is played on every unusual request without a bug', async () => {
    for (const fields of odd) {
      for (const more of [{}, { stream: false }, asks ?? {}]) {
        const body = bodyOf(name, { ...more, ...fields });
        const { bytes, bugs } = await ask(body);
        expect(bugs, body).toEqual([]);
        if (!silent.has(name)) expect(bytes, body).toMatch(/^HTTP\/1\.[01] \d{3} /);
      }
    }
  });
});

/** Faults that send nothing. */
const silent = new Set(['hang', 'reset']);

describe('a request that fits no fault', () => {
  it.each(badRequests)('is refused and names the field: %j', async (fields, param) => {
    for (const name of ['healthy', 'json-prose', 'tool-whole', 'out-of-order']) {
      const { bytes, bugs } = await ask(bodyOf(name, fields));
      expect(bugs).toEqual([]);
      expect(bytes).toMatch(/^HTTP\/1\.1 400 /);
      expect(JSON.parse(bytes.slice(bytes.indexOf('\r\n\r\n')))).toMatchObject({ error: { param } });
    }
  });

  it.each([
    '',
    'not json',
    '[]',
    'null',
    '7',
    '{"model"',
    `${'['.repeat(200_000)}`,
    '{"model": "wall/healthy", "messages": [{"role": "user", "content": "a"}]',
  ])('is refused where its body is no JSON object: %.20s', async (body) => {
    const { bytes, bugs } = await ask(body);
    expect(bugs).toEqual([]);
    expect(bytes).toMatch(/^HTTP\/1\.1 400 /);
  });

  it.each([
    ['json-prose', {}, 'response_format'],
    ['json-off-schema', { response_format: { type: 'text' } }, 'response_format'],
    ['content-number', { max_tokens: 2 }, 'max_tokens'],
    ['malformed-early', { stop: [' '] }, 'stop'],
    ['healthy:1', {}, 'model'],
    ['cut-fin:9999', {}, 'model'],
    ['slow-first-token:99999d', {}, 'model'],
    ['cut-rst', { stream: false }, 'stream'],
  ])('is refused by a fault that cannot be played on it: %s', async (fault, fields, param) => {
    const { bytes } = await ask(bodyOf(fault, fields));
    expect(bytes).toMatch(/^HTTP\/1\.1 400 /);
    expect(JSON.parse(bytes.slice(bytes.indexOf('\r\n\r\n')))).toMatchObject({ error: { param } });
  });

  it('is refused where its header names an unknown fault', async () => {
    const { bytes } = await ask(bodyOf('healthy', {}), 60, { 'x-wall-fault': '__proto__' });
    expect(bytes).toMatch(/^HTTP\/1\.1 404 /);
    expect(bytes).toContain('"param":"x-wall-fault"');
  });
});

it('a stream has no empty chunk but its last: an answer without text ends once', async () => {
  for (const fault of ['cut-character', 'too-fast:3', 'cut-event', 'finish-on-content']) {
    const { bytes } = await ask(bodyOf(fault, { max_tokens: 0 }), 1_000);
    expect(bytes.match(/(^|\r\n)0\r\n\r\n/g) ?? [], fault).toHaveLength(1);
  }
});

describe('a wall that listens', () => {
  let wall: Wall | undefined;
  afterEach(() => wall?.close());

  /** What comes back for these bytes until the wall closes; `resets` leaves after the first byte of it. */
  async function send(port: number, bytes: string | Buffer, resets = false): Promise<string> {
    const socket = connect(port, '127.0.0.1');
    let received = '';
    socket.on('data', (more) => {
      received += more.toString('latin1');
      if (resets) socket.resetAndDestroy();
    });
    socket.on('error', () => {});
    socket.end(bytes);
    await new Promise((resolve) => socket.once('close', resolve));
    return received;
  }

  const requestOf = (body: string) =>
    `POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;

  it('survives half bodies, garbage after a request, and clients that reset while a fault plays', async () => {
    const bugs: unknown[] = [];
    wall = createWall({ onBug: (error) => bugs.push(error) });
    const port = await wall.listen({ host: '127.0.0.1', port: 0, loopback: true });
    const good = requestOf(bodyOf('healthy', { stream: false }));
    for (const bytes of [
      good.slice(0, -10),
      `${good}\u0016\u0003\u0001\u0000\r\n\r\n`,
      'POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n',
      'POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
      `GET / HTTP/1.1\r\nA: ${'a'.repeat(70_000)}\r\n\r\n`,
    ]) {
      await send(port, bytes);
    }
    await Promise.all(faults.map(({ name, asks }) => send(port, requestOf(bodyOf(name, { ...asks })), true)));
    expect(await send(port, `${good}junk\r\n\r\n`)).toMatch(
      /^HTTP\/1\.1 200 OK[\s\S]*HTTP\/1\.1 400 Bad Request[\s\S]*not well-formed/,
    );
    expect(bugs).toEqual([]);
  });

  it('answers HEAD at any path with a head alone, and then the next request', async () => {
    wall = createWall();
    const port = await wall.listen({ host: '127.0.0.1', port: 0, loopback: true });
    for (const path of ['/nowhere', '/v1/models', '/v1/chat/completions', '/wall/stats']) {
      const received = await send(
        port,
        `HEAD ${path} HTTP/1.1\r\nHost: a\r\n\r\nGET /v1/models HTTP/1.1\r\nHost: a\r\n\r\n`,
      );
      expect(received, path).toMatch(/^HTTP\/1\.1 404 [^{}]*\r\n\r\nHTTP\/1\.1 200 OK/);
    }
  });

  it('closes the connection where it has a bug, reports the bug, and serves the others', async () => {
    const bugs: unknown[] = [];
    let broken = true;
    wall = createWall({
      onBug: (error) => bugs.push(error),
      now: () => {
        if (broken) throw new Error('the clock broke');
        return 0;
      },
    });
    const port = await wall.listen({ host: '127.0.0.1', port: 0, loopback: true });
    const good = requestOf(bodyOf('healthy', { stream: false }));
    expect(await send(port, good)).toBe('');
    broken = false;
    expect(await send(port, good)).toMatch(/^HTTP\/1\.1 200 OK/);
    expect(bugs).toHaveLength(1);
  });

  it('reads each of many small chunks once', async () => {
    wall = createWall();
    const port = await wall.listen({ host: '127.0.0.1', port: 0, loopback: true });
    const body = bodyOf('healthy', { stream: false, metadata: 'm'.repeat(200_000) });
    const chunks = [...body].map((character) => `1\r\n${character}\r\n`).join('');
    const bytes = `POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}0\r\n\r\n`;
    expect(await send(port, bytes)).toMatch(/^HTTP\/1\.1 200 OK/);
  });
});
