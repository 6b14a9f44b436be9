import { bodyText } from '../../reading/body.ts';
import { viewOf } from '../../reading/stream-view.ts';
import { type Exchange, headerOf } from '../../wire/exchange.ts';
import {
  contentType,
  excerpt,
  type Finding,
  judgeEach,
  judgeEndedStreams,
  judgeStreams,
  named,
  noStream,
  notApplicable,
  refusedFeature,
  streamProbes,
  streams,
} from '../judging.ts';
import type { Rule } from '../rule.ts';

const framing = { set: 'tailrace', group: 'framing', severity: 'failure' } as const;

/** What the head of each stream says, exactly. */
const heads: Readonly<Record<string, string>> = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache, no-transform',
  'x-accel-buffering': 'no',
};

/** The finish, the usage chunk of the separate form, and [DONE] may share a write. */
const eventsInLastWrite = 3;

export const headAndWriteRules: readonly Rule[] = [
  {
    ...framing,
    id: 'stream-head',
    expects: `The head of a stream says ${Object.entries(heads)
      .map(([name, value]) => `${name}: ${value}`)
      .join('; ')}, and has x-request-id and no content-encoding.`,
    why: 'nginx buffers without x-accel-buffering; Cloudflare and other proxies compress without no-transform.',
    probes: streamProbes,
    judge: judgeEach(streams, noStream, ({ response }) => {
      if (response === undefined) return notApplicable(noStream);
      const findings: Finding[] = Object.entries(heads)
        .filter(([name, value]) => headerOf(response, name) !== value)
        .map(([name]) => ({ seen: `${name}: ${headerOf(response, name) ?? '(none)'}` }));
      if (headerOf(response, 'x-request-id') === undefined) findings.push({ seen: 'no x-request-id' });
      const encoding = headerOf(response, 'content-encoding');
      if (encoding !== undefined) findings.push({ seen: `content-encoding: ${encoding}` });
      return findings;
    }),
  },
  {
    ...framing,
    id: 'write-an-event',
    expects:
      'One event is one write: a chunk of HTTP holds one whole event, the last one the end of the stream.',
    why: 'Naive readers (a fetch loop without a buffer, as in many examples) parse each read by itself.',
    probes: streamProbes,
    judge: judgeEach(streams, noStream, oneEventAWrite),
  },
  {
    ...framing,
    id: 'done-with-end',
    expects: '[DONE] and the end of the body come in one write.',
    why: 'openai-node stops at [DONE]; where the end comes later it drops the connection: five requests take five sockets.',
    probes: streamProbes,
    judge: judgeEndedStreams((_view, { response, end }) => {
      const chunked = response !== undefined && isChunked(response);
      if (!chunked || end !== 'whole') return notApplicable('no stream came in chunks to its end');
      const done = response.pieces.findLast(({ bytes }) => Buffer.from(bytes).includes('[DONE]'));
      if (done === undefined) return notApplicable('no stream has [DONE]');
      return done.read === response.endRead
        ? undefined
        : {
            seen: `the end came in another read, ${((response.endMs ?? 0) - done.atMs).toFixed(1)} ms after [DONE]`,
          };
    }),
  },
  {
    ...framing,
    id: 'accept-ignored',
    expects: 'A stream is an event stream whatever Accept says.',
    why: 'openai-python and openai-node send Accept: application/json with streaming requests.',
    probes: ['accept-json'],
    judge: judgeEach(named('accept-json'), 'it was not asked for', (exchange) => {
      const refused = refusedFeature(exchange);
      if (refused !== undefined) return refused;
      return /^text\/event-stream\b/.test(contentType(exchange))
        ? undefined
        : { seen: `content-type: ${contentType(exchange)}; ${excerpt(bodyText(exchange).slice(0, 80))}` };
    }),
  },
  {
    ...framing,
    id: 'http-1.0-close',
    expects: 'Towards HTTP/1.0 the body ends with the connection.',
    why: 'Proxies that speak HTTP/1.0 know no other end of a body whose length is unknown.',
    probes: ['http-1.0'],
    judge: judgeEach(named('http-1.0'), 'it was not asked for', (exchange) => {
      const { response } = exchange;
      if (response?.status !== 200) return refusedFeature(exchange);
      const connection = headerOf(response, 'connection');
      return !isChunked(response) && (connection === undefined || /close/i.test(connection))
        ? undefined
        : {
            seen: `connection: ${connection}; transfer-encoding: ${headerOf(response, 'transfer-encoding')}`,
          };
    }),
  },
  {
    ...framing,
    id: 'completion-id',
    expects: 'tailrace-completion-id in the head is the id of the chunks.',
    why: 'Tailrace’s SDKs cancel and resume by it before the first event has come.',
    probes: streamProbes,
    judge: judgeStreams((view, { response }) => {
      const id = response === undefined ? undefined : headerOf(response, 'tailrace-completion-id');
      const first = view.chunks[0]?.json?.['id'];
      if (first === undefined) return notApplicable('no stream had a chunk');
      return id === first ? undefined : { event: 1, seen: `head ${excerpt(id)}, chunk ${excerpt(first)}` };
    }),
  },
];

function isChunked(response: NonNullable<Exchange['response']>): boolean {
  return /chunked/i.test(headerOf(response, 'transfer-encoding') ?? '');
}

function oneEventAWrite(exchange: Exchange) {
  const { response } = exchange;
  if (response === undefined || !isChunked(response)) return notApplicable('no stream came in chunks');
  const ended = viewOf(exchange).done !== undefined;
  const last = response.pieces.length - 1;
  return response.pieces.flatMap(({ bytes }, at): readonly Finding[] => {
    const text = Buffer.from(bytes).toString('latin1');
    const events = text.split('\n\n').filter((block) => /^data:|\ndata:/.test(block)).length;
    const whole = /\n\n?$/.test(text);
    const most = ended && at === last ? eventsInLastWrite : 1;
    return whole && events <= most
      ? []
      : [{ seen: `write ${at + 1} has ${events} events: ${excerpt(text)}` }];
  });
}
