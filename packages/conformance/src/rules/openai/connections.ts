import { viewOf } from '../../reading/stream-view.ts';
import { type Exchange, headerOf } from '../../wire/exchange.ts';
import { judgeEach, named, notApplicable, type Opinion, refusedFeature, statusOf } from '../judging.ts';
import type { Rule } from '../rule.ts';

const connections = { set: 'openai', group: 'connections' } as const;
const parallel = ['parallel/1', 'parallel/2', 'parallel/3'];

export const connectionRules: readonly Rule[] = [
  {
    ...connections,
    id: 'reuse',
    severity: 'warning',
    expects: 'After a stream its connection carries the next request.',
    why: 'Every client pools connections: a new one a request costs a TLS handshake, and a silent close is an ECONNRESET now and then.',
    probes: ['stream'],
    judge: judgeEach(named('stream'), 'nothing was asked', (exchange, recording) => {
      const refused = refusedFeature(exchange);
      if (refused !== undefined) return refused;
      const next = recording.get('stream/next');
      // An endpoint need not have the list that is asked for.
      const status = next?.response?.status;
      if (next?.reusedConnection === true && (status === 200 || status === 404)) return undefined;
      if (next?.end === 'timeout') return notApplicable('the next request took longer than allowed');
      if (next !== undefined) return { seen: `the next request: ${statusOf(next)}` };
      const said = exchange.response === undefined ? undefined : headerOf(exchange.response, 'connection');
      return { seen: said === undefined ? 'the body ends with the connection' : `connection: ${said}` };
    }),
  },
  {
    ...connections,
    id: 'http-1.0',
    severity: 'warning',
    expects: 'A client that speaks HTTP/1.0 gets a stream without the chunked coding, and whole.',
    why: 'nginx before 1.30 speaks HTTP/1.0 to its upstreams by default: chunk sizes would stand in the text.',
    probes: ['http-1.0'],
    judge: judgeEach(named('http-1.0'), 'it was not asked for', (exchange) => {
      const refused = refusedFeature(exchange);
      if (refused !== undefined) return refused;
      const coding =
        exchange.response === undefined ? undefined : headerOf(exchange.response, 'transfer-encoding');
      if (coding !== undefined) return { seen: `transfer-encoding: ${coding}` };
      return exchange.end === 'whole' ? undefined : { seen: exchange.problem ?? exchange.end };
    }),
  },
  {
    ...connections,
    id: 'parallel',
    severity: 'failure',
    expects: 'Streams at the same time are whole, and have ids of their own.',
    why: 'A server that mixes them up shows one user the text of another.',
    probes: ['parallel'],
    judge: judgeEach(named(...parallel), 'they were not asked for', (exchange, recording) => {
      const refused = refusedFeature(exchange);
      if (refused !== undefined) return refused;
      const id = idOf(exchange);
      const twin = parallel.find((name) => {
        const other = recording.get(name);
        return other !== undefined && name !== exchange.name && idOf(other) === id;
      });
      if (twin !== undefined) return { seen: `id ${id} is that of ${twin} too` };
      return wholeStream(exchange);
    }),
  },
  {
    ...connections,
    id: 'slow-reader',
    severity: 'failure',
    expects: 'A stream whose reader stops for a second is whole afterwards.',
    why: 'Browsers in the background and programs that work between two chunks read slowly.',
    probes: ['slow-reader'],
    judge: judgeEach(named('slow-reader'), 'it was not asked for', (exchange) => {
      return refusedFeature(exchange) ?? wholeStream(exchange);
    }),
  },
  {
    ...connections,
    id: 'disconnect',
    severity: 'failure',
    expects: 'Generation stops when the client leaves.',
    why: 'Users stop answers all the time: an engine that writes on for nobody is slow for everybody, and somebody pays for it.',
    probes: ['stream', 'length', 'disconnect'],
    judge: judgeEach(named('disconnect'), 'it was not asked for', afterLeaving),
  },
];

function idOf(exchange: Exchange): unknown {
  return viewOf(exchange).chunks[0]?.json?.['id'];
}

function wholeStream(exchange: Exchange): Opinion {
  const { done, choices, errors } = viewOf(exchange);
  if (errors.length > 0) return notApplicable('the stream ended with an error');
  const finished = choices.length > 0 && choices.every(({ finishes }) => finishes.length > 0);
  if (exchange.end === 'whole' && done !== undefined && finished) return undefined;
  return {
    seen: `it ends ${exchange.problem ?? exchange.end}, ${finished ? 'finished' : 'without a finish'}`,
  };
}

/** Less than this is lost in the noise of a network. */
const visibleMs = 3_000;

function afterLeaving(exchange: Exchange): Opinion {
  const refused = refusedFeature(exchange);
  if (refused !== undefined) return refused;
  if (exchange.end !== 'left') return notApplicable('the answer had ended before the client left');
  const { way, status, stopped, afterMs, waitedMs, usualMs, remainingMs } = exchange.observed ?? {};
  switch (way) {
    case 'status':
      if (status === 'abandoned' || status === 'cut') return undefined;
      if (status === 'completed') return notApplicable('the answer ended before the endpoint could notice');
      return { seen: `two seconds later its status was still open: the cancel route answered "${status}"` };
    case 'gauge':
      if (Number(remainingMs) < visibleMs)
        return notApplicable('not visible: the rest of the answer would have taken too short a time');
      return stopped === 'yes'
        ? undefined
        : { seen: `the gauge of running requests had not fallen ${afterMs} ms after the client left` };
    case 'queue': {
      const rest = Number(remainingMs);
      const delay = Number(waitedMs) - Number(usualMs);
      return rest >= visibleMs && delay > rest / 2
        ? {
            seen: `the next request waited ${waitedMs} ms where ${usualMs} ms are usual: the rest of the abandoned answer takes ${rest} ms`,
          }
        : notApplicable('not visible: the endpoint has no gauge, and the next request was not delayed');
    }
    default:
      return notApplicable('not visible at this endpoint');
  }
}
