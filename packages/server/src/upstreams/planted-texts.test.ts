/**
 * A hostile upstream writes its key, its host and the prompt into every field, in every place of an answer and in every
 * encoding. None of these texts may reach the client, and the prompt may not reach the log.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { UpstreamConfig } from '../config/config.ts';
import { eachBatch } from '../domain/batches.ts';
import { causeText } from '../telemetry/request-log.ts';
import { chunked, type FakeOrigin, startFakeOrigin } from '../transport/fake-origin.ts';
import { decodeChatRequest } from '../wire/chat/decode-request.ts';
import type { Upstream } from './contract.ts';
import { createUpstreams } from './registry.ts';

const key = 'Kq9-zv7Wx/Lm3.pT5_77Rd';
const prompt = 'the lighthouse keeper of Skagen paints at dawn';

const escaped = (text: string) => [...text].map((unit) => `\\u00${hex(unit)}`).join('');
const hex = (unit: string) => unit.charCodeAt(0).toString(16).padStart(2, '0');
/** The encodings of the key. Neither an encoding nor eight adjacent characters of one may reach the client. */
const writings: Readonly<Record<string, string>> = {
  plain: key,
  'in capital letters': key.toUpperCase(),
  'percent-encoded': encodeURIComponent(key),
  'JSON-escaped': escaped(key),
  base64: Buffer.from(key).toString('base64').replace(/=+$/, ''),
  'in base64 after a name': Buffer.from(`user:${key}`).toString('base64').replace(/=+$/, ''),
  'in base64 after one byte': Buffer.from(`:${key}`).toString('base64').replace(/=+$/, ''),
  'in hexadecimal': Buffer.from(key).toString('hex'),
  'in hexadecimal with spaces': (Buffer.from(key).toString('hex').match(/../g) ?? []).join(' '),
  'with escaped punctuation': key.replace(/\W/g, '\\$&'),
  'split by tags': [...key].join('\u{e0020}'),
  'split by characters without width': [...key].join('\u200b'),
  'split by line ends': `${key.slice(0, 9)}\r\n  ${key.slice(9)}`,
  'at the cut of an excerpt': `${'a '.repeat(138)}${key}`,
  'at the cut of what is read': `${'http://a.b '.repeat(181)}${key}`,
};

/** All runs of eight adjacent characters of an encoding. */
const pieces = Object.values(writings)
  .slice(0, -2)
  .flatMap((text) => {
    const json = JSON.stringify(text).slice(1, -1);
    return Array.from({ length: json.length - 8 }, (_, at) => json.slice(at, at + 8));
  });

const frame = (value: unknown, event = '') =>
  `${event && `event: ${event}\n`}data: ${JSON.stringify(value)}\n\n`;
const stream = (...frames: readonly string[]) => chunked(frames, true);
const json = (status: number, value: unknown, headers = '') => {
  const body = typeof value === 'string' ? value : JSON.stringify(value);
  return `HTTP/1.1 ${status} X\r\n${headers}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
};

const errorsOf = (text: string): readonly unknown[] => [
  { error: { message: text, param: text, code: text, type: text, status: text } },
  { error: { message: text, param: `messages[0].${text.replace(/\W/g, '_')}`, code: 400 } },
  { error: { param: text.replace(/\W/g, '_'), message: 'no' } },
  { error: text },
  { message: text, type: text, param: text, code: text },
  { detail: text },
  { detail: [{ loc: ['body', text, 0, text.replace(/\W/g, '_')], msg: text, type: text }] },
  [{ error: { code: 400, message: text, status: text, details: [{ reason: text, retryDelay: text }] } }],
  { type: 'error', error: { type: text, message: text } },
  { type: 'error', error: { type: 'invalid_request_error', message: text } },
  text,
  `<html>${text}</html>`,
];
/** Statuses with different failures. For 400 the failure quotes the message. */
const statuses = [400, 403, 404, 429, 500];

/** Answers as raw bytes, each with the text in another place. */
const anywhere = (text: string, of: readonly number[]): readonly string[] => {
  const line = text.replace(/[^\x20-\x7e]/g, '');
  return [
    ...errorsOf(text).flatMap((value) => of.map((status) => json(status, value))),
    ...errorsOf(text).map((value) => json(200, value, 'content-type: application/json\r\n')),
    ...errorsOf(text).map((value) => stream(frame(value))),
    ...errorsOf(text).map((value) => stream(frame(value, 'error'))),
    json(503, 'x', `retry-after: ${line}\r\nwww-authenticate: ${line}\r\n`),
    json(302, 'x', `location: http://${line}/\r\n`),
    json(200, 'x', `content-type: ${line}\r\n`),
    json(200, 'x', `content-encoding: ${line}\r\n`),
    `HTTP/1.1 ${line}\r\n\r\n`,
    line,
  ];
};

const firstText = { choices: [{ index: 0, delta: { content: 'Hi' }, finish_reason: null }] };
const dialects: Readonly<Record<string, (text: string) => readonly string[]>> = {
  openai: (text) => [
    ...errorsOf(text).map((value) => stream(frame(firstText), frame(value))),
    ...errorsOf(text).map((value) => stream(frame(firstText), frame(value, 'error'))),
    stream(frame({ choices: [{ index: 0, delta: {}, finish_reason: text }] })),
    stream(frame({ ...firstText, system_fingerprint: text, model: text, id: text, object: text })),
    stream(frame({ choices: [{ index: 0, delta: { content: { [text]: text } } }] })),
    json(
      200,
      { choices: [{ message: { content: 'Hi' }, finish_reason: text }] },
      'content-type: application/json\r\n',
    ),
  ],
  anthropic: (text) => [
    ...errorsOf(text).map((value) => stream(frame({ type: 'message_start', message: {} }), frame(value))),
    stream(frame({ type: 'message_delta', delta: { stop_reason: text } })),
    stream(frame({ type: 'content_block_start', index: 0, content_block: { type: text } })),
    stream(
      frame({ type: 'content_block_start', index: 0, content_block: { type: 'text', text: 'Hi' } }),
      frame({ type: 'content_block_delta', index: 0, delta: { type: text } }),
    ),
  ],
  gemini: (text) => [
    ...errorsOf(text).map((value) =>
      stream(frame({ candidates: [{ content: { parts: [{ text: 'Hi' }] } }] }), frame(value)),
    ),
    stream(frame({ candidates: [{ content: { parts: [{ [text]: {} }] } }] })),
    stream(frame({ candidates: [{ finishReason: text }] })),
    stream(frame({ promptFeedback: { blockReason: text, blockReasonMessage: text } })),
  ],
};

/** Output that our stream does not name is forwarded as it came, unless it repeats a secret. */
const otherOutputs: Readonly<Record<string, (text: string) => readonly string[]>> = {
  openai: (text) =>
    [
      { images: [{ url: text }] },
      { [text.slice(0, 256)]: [1] },
      { content: [{ type: 'a', b: text }] },
      { a: { [text]: 1 } },
    ].map((delta) => stream(frame({ choices: [{ index: 0, delta }] }))),
  anthropic: (text) => [
    stream(
      frame({
        type: 'content_block_start',
        index: 0,
        content_block: { type: 'container_upload', file_id: text },
      }),
      frame({ type: 'content_block_stop', index: 0 }),
    ),
    stream(
      frame({ type: 'content_block_start', index: 0, content_block: { type: 'text', text: 'Hi' } }),
      frame({
        type: 'content_block_delta',
        index: 0,
        delta: { type: 'citations_delta', citation: { text } },
      }),
    ),
  ],
  gemini: (text) =>
    [{ fileData: { fileUri: text } }, { [text]: { a: 1 } }].map((part) =>
      stream(frame({ candidates: [{ content: { parts: [part] } }] })),
    ),
};

let origin: FakeOrigin;
let answer = '';
let upstreams: ReadonlyMap<string, Upstream>;

beforeAll(async () => {
  origin = await startFakeOrigin(({ socket }) => {
    socket.write(answer);
    // An answer that is not HTTP has no end, so the socket is ended.
    if (!/^HTTP\/1\.1 \d{3} \w+\r\n/.test(answer)) socket.end();
  });
  const config = (kind: UpstreamConfig['kind']): UpstreamConfig => ({
    kind,
    baseUrl: kind === 'openai' ? `${origin.url.href}v1` : origin.url.href,
    apiKeys: [key],
    headers: {
      'x-auth': 'Bearer hush7token-Qw93kd02LxA',
      cookie: 'a=b; session=sessQ93kdpL20xk',
      'x-basic': `Basic ${Buffer.from('opsuser:opspass9931').toString('base64')}`,
    },
  });
  const configs = new Map(
    Object.keys(dialects).map((kind) => [kind, config(kind as UpstreamConfig['kind'])]),
  );
  upstreams = (await createUpstreams(configs)).upstreams;
});
afterAll(() => origin.close());

/** Everything that the client receives, and everything that the log holds without content. */
async function ask(kind: string): Promise<{ client: string; log: string }> {
  const decoded = decodeChatRequest({
    model: 'm',
    messages: [{ role: 'user', content: prompt }],
    stream: true,
  });
  if (!decoded.ok) throw new Error('the request is wrong');
  const call = { request: decoded.value.request, model: 'm', keyId: 'k', completionId: 'chatcmpl-1' };
  const upstream = upstreams.get(kind);
  if (upstream === undefined) throw new Error(`there is no upstream ${kind}`);
  const events = upstream.open(call, new AbortController().signal);
  const seen: unknown[] = [];
  const logged: string[] = [];
  for await (const batch of eachBatch(events)) {
    for (const event of batch) {
      if (event.type !== 'failed') seen.push(event);
      else {
        const { detail: _, wording: __, ...shown } = event.failure;
        seen.push(shown);
        logged.push(causeText(event.failure, false) ?? '');
      }
    }
  }
  await events.close();
  return { client: JSON.stringify(seen), log: logged.join('\n') };
}

describe.each(Object.keys(dialects))('a hostile upstream of kind %s', (kind) => {
  const answers = (text: string, of: readonly number[] = [400]) => [
    ...anywhere(text, of),
    ...(dialects[kind]?.(text) ?? []),
  ];

  // All dialects share one function for excerpts: one dialect is tested with all encodings, the others with some.
  const tried = Object.keys(writings).filter((_, at) => kind === 'openai' || at % 4 === 0);

  test.each(tried)('cannot send its key to the client, %s', async (name) => {
    const written = writings[name] ?? '';
    for (answer of answers(`wrong ${written} here`)) {
      const { client } = await ask(kind);
      const piece = pieces.find((one) => client.includes(one));
      if (piece !== undefined) expect.fail(`${piece} in ${client} of ${answer}`);
    }
  });

  test.each(tried)('cannot send its key in output that our stream does not name, %s', async (name) => {
    const written = writings[name] ?? '';
    for (answer of otherOutputs[kind]?.(`so ${written} it is`) ?? []) {
      const { client } = await ask(kind);
      const piece = pieces.find((one) => client.includes(one));
      if (piece !== undefined) expect.fail(`${piece} in ${client} of ${answer}`);
    }
  });

  test('cannot send its host to the client', async () => {
    const host = new URL(origin.url).host;
    for (answer of answers(`no route to ${host} here`, statuses))
      expect((await ask(kind)).client).not.toContain(host);
  });

  const foreign = ['10.3.4.5', 'fd00::12', '::ffff:10.3.4.5', 'db1.corp.acme.se', 'gpu7.prod.acme.example'];
  test.each(foreign)('cannot send the address %s to the client', async (address) => {
    for (answer of answers(address)) expect((await ask(kind)).client).not.toContain(address);
  });

  test.each(['hush7token-Qw93kd02LxA', 'sessQ93kdpL20xk', 'opsuser:opspass9931', 'opspass9931'])(
    'cannot send %s of a header to the client',
    async (part) => {
      for (answer of answers(`wrong ${part} here`)) expect((await ask(kind)).client).not.toContain(part);
    },
  );

  test('cannot bring an address or a number into a name in the log', async () => {
    for (const text of ['10.3.4.5', '411-111-111-111-111-1', '078-05-112']) {
      for (answer of answers(text, statuses)) expect((await ask(kind)).log).not.toContain(text);
    }
  });

  test('cannot bring the prompt into a param, a code or the log', async () => {
    const words = [...prompt.split(' '), 'lighthouse'].filter(({ length }) => length > 4);
    for (answer of answers(`${prompt}, 4711`, statuses)) {
      const { client, log } = await ask(kind);
      for (const word of [...words, '4711'])
        if (log.includes(word)) expect.fail(`${word} in ${log} of ${answer}`);
      for (const { param, code } of JSON.parse(client) as { param?: string; code?: string }[]) {
        expect(`${param} ${code}`).not.toMatch(/lighthouse|keeper/);
      }
    }
  });
});
