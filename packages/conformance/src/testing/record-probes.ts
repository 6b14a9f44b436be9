import type { ProbeTools } from '../probes/probe.ts';
import { probes } from '../probes/probes.ts';
import type { Exchange, Recording, WireRequest } from '../wire/exchange.ts';
import { recorded, type WrittenAnswer } from './written-answer.ts';

/** Answers a request; the exchange's name says which one it is. */
export type WrittenEndpoint = (name: string, request: WireRequest) => WrittenAnswer;

/** Runs every probe against an endpoint that is a function: the requests are the real ones, and no socket is opened. */
export async function recordProbes(endpoint: WrittenEndpoint): Promise<Recording> {
  const recording = new Map<string, Exchange>();
  const keep = (name: string, request: WireRequest): Exchange => {
    const exchange = recorded(name, request, endpoint(name, request));
    recording.set(name, exchange);
    return exchange;
  };
  const tools: ProbeTools = {
    async ask(name, fields, { headers = {}, version, afterwards, onBody } = {}) {
      const exchange = keep(name, {
        method: 'POST',
        path: '/v1/chat/completions',
        headers: { 'content-type': 'application/json', ...headers },
        body: typeof fields === 'string' ? fields : JSON.stringify({ model: 'river-1', ...fields }),
        ...(version === undefined ? {} : { version }),
      });
      if (exchange.response !== undefined) onBody?.(exchange.response);
      if (afterwards !== undefined)
        keep(`${name}/next`, { method: 'GET', path: `/v1${afterwards}`, headers: {} });
      return exchange;
    },
    async send(name, { method, path, headers = {} }) {
      return keep(name, { method, path: path.startsWith('//') ? path.slice(1) : `/v1${path}`, headers });
    },
    earlier: (name) => recording.get(name),
    observe(name, observed) {
      const known = recording.get(name);
      if (known !== undefined) recording.set(name, { ...known, observed });
    },
    wait: async () => {},
  };
  for (const probe of probes) await probe.run(tools);
  return recording;
}
