import type { UpstreamInput } from './input.ts';
import { chunk, delta, done, event, finish, openaiInputs, role, text, usage } from './openai-wire.ts';

/** Lines and events that are not as the standard has them, and events that are no chunks. */

const { raw } = openaiInputs('framing');
const hello = { text: 'Hello world' };
const events = [role(), text('Hello'), text(' world'), finish(), usage(), done];

const framed = (name: string, body: readonly string[]): UpstreamInput => raw(name, body, { right: hello });
const each = (name: string, rewrite: (event: string, index: number) => string): UpstreamInput =>
  framed(name, events.map(rewrite));
/** Something between good events, as often as a heartbeat comes. */
const between = (name: string, beat: string): UpstreamInput =>
  framed(
    name,
    events.flatMap((one) => [beat, one]),
  );

export const framingInputs: readonly UpstreamInput[] = [
  each('one-lf-between-events', (one) => one.slice(0, -1)),
  each('one-crlf-between-events', (one) => `${one.slice(0, -2)}\r\n`),
  each('one-lf-between-some-events', (one, index) => (index % 2 === 0 ? one.slice(0, -1) : one)),
  framed('one-lf-before-done', [...events.slice(0, -2), usage().slice(0, -1), done]),
  framed('one-lf-before-done-in-one-write', [[...events.slice(0, -2), usage().slice(0, -1), done].join('')]),
  framed('one-lf-in-one-write', [events.map((one) => one.slice(0, -1)).join('')]),
  framed('one-lf-byte-by-byte', [...events.map((one) => one.slice(0, -1)).join('')]),
  each('crlf', (one) => one.replaceAll('\n', '\r\n')),
  each('cr', (one) => one.replaceAll('\n', '\r')),
  each('one-cr-between-events', (one) => `${one.slice(0, -2)}\r`),
  each('no-space-behind-the-colon', (one) => one.replace('data: ', 'data:')),
  framed('a-byte-order-mark', ['\ufeff', ...events]),
  framed('no-blank-line-at-the-end', [...events.slice(0, -1), 'data: [DONE]']),
  each('ids-and-names', (one, index) => `id: ${index}\nevent: message\n${one}`),
  framed('an-event-on-several-lines', [
    role(),
    `data: {"id":"x","object":"chat.completion.chunk","created":1,\ndata: "model":"m","choices":[{"index":0,\ndata: "delta":{"content":"Hello"},"finish_reason":null}]}\n\n`,
    text(' world'),
    finish(),
    usage(),
    done,
  ]),
  between('heartbeats-in-words', event('heartbeat')),
  between('heartbeats-as-named-events', 'event: ping\ndata: ping\n\n'),
  between('heartbeats-as-comments', ': still here\n\n'),
  between('heartbeats-that-are-empty', 'data:\n\n'),
  between('heartbeats-as-objects', event({ type: 'ping' })),
  between('numbers-between', event(17)),
  between('texts-between', event('"text"')),
  between('nulls-between', event(null)),
  between('lists-between', event([])),
  between('chunks-without-choices', chunk([])),
  between('chunks-without-output', delta({})),
  framed('delta-null-on-the-finish', [
    ...events.slice(0, 3),
    chunk([{ index: 0, delta: null, finish_reason: 'stop' }]),
    ...events.slice(4),
  ]),
  framed('delta-absent-on-the-finish', [
    ...events.slice(0, 3),
    chunk([{ index: 0, finish_reason: 'stop' }]),
    ...events.slice(4),
  ]),
];
