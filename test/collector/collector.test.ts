// Traces of the real server in a real OpenTelemetry Collector: what it has understood, it sends on to the test.

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  type CollectedSpan,
  type FakeCollector,
  startFakeCollector,
} from '../../packages/server/src/telemetry/traces/testing/fake-collector.ts';
import { freePort } from '../support/free-port.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { until } from '../support/until.ts';
import { type RealCollector, startCollector, withoutCollector } from './real-collector.ts';

const traceId = '0af7651916cd43dd8448eb211c80319c';
const caller = 'b7ad6b7169203331';
const script = `
answers:
  - when: {model: cut}
    steps: [{text: [The answer, " is"]}, {fail: {code: upstream_cut, message: cut}}]
  - steps: [{text: [The answer, " is", " 42"]}, {usage: {prompt_tokens: 7, completion_tokens: 3}}]
`;

let behind: FakeCollector;
let port: number;
let collector: RealCollector;
let server: TestServer;

async function start(flags: readonly string[] = []): Promise<void> {
  server = await startServer({
    model: 'none',
    flags: ['--no-engine', ...flags],
    files: { 'answers.yaml': script },
    config: {
      upstreams: { lab: { kind: 'scripted', script: './answers.yaml' } },
      models: {
        m: {
          targets: [
            { upstream: 'lab', model: 'cut' },
            { upstream: 'lab', model: 'rest', priority: 1, takeover: 'replay' },
          ],
        },
      },
      telemetry: { traces: { endpoint: `http://127.0.0.1:${port}` } },
    },
  });
}

async function ask(headers: Readonly<Record<string, string>> = {}): Promise<string> {
  const response = await fetch(`${server.baseUrl}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${server.apiKey}`, 'content-type': 'application/json', ...headers },
    body: JSON.stringify({
      ...{ model: 'm', stream: true, temperature: 0 },
      messages: [{ role: 'user', content: 'a planted-question' }],
    }),
  });
  return await response.text();
}

const collected = (count: number): Promise<readonly CollectedSpan[]> =>
  until(`${count} spans`, 20_000, () => (behind.spans.length >= count ? behind.spans : undefined));

describe.skipIf(withoutCollector !== undefined)(
  withoutCollector === undefined ? 'a real collector' : `a real collector (skipped: ${withoutCollector})`,
  () => {
    beforeEach(async () => {
      behind = await startFakeCollector();
      port = await freePort();
      collector = await startCollector(port, behind.url);
    });

    afterEach(async () => {
      await server.stop();
      await collector.stop();
      await behind.close();
    });

    test('understands each span of a request that is taken over, with its place in the trace of the client', async () => {
      await start();
      expect(await ask({ traceparent: `00-${traceId}-${caller}-01`, tracestate: 'a=b' })).toContain('[DONE]');
      const spans = await collected(3);
      const request = spans.find(({ kind }) => kind === 2);
      const attempts = spans.filter(({ kind }) => kind === 3);
      expect(request).toMatchObject({
        traceId,
        parentSpanId: caller,
        traceState: 'a=b',
        name: 'POST /v1/chat/completions',
        attributes: {
          'http.response.status_code': 200,
          'gen_ai.request.model': 'm',
          'gen_ai.usage.output_tokens': expect.any(Number),
          'tailrace.outcome': 'completed',
        },
      });
      expect(
        attempts
          .toSorted((a, b) => Number(BigInt(a.startTimeUnixNano) - BigInt(b.startTimeUnixNano)))
          .map(({ traceId: of, parentSpanId, attributes, status }) => [
            of === traceId && parentSpanId === request?.spanId,
            attributes['gen_ai.request.model'],
            attributes['tailrace.attempt.mode'],
            attributes['tailrace.attempt.outcome'],
            status.code ?? 0,
          ]),
      ).toEqual([
        [true, 'cut', 'first', 'failed', 2],
        [true, 'rest', 'replay', 'served', 0],
      ]);
      expect(attempts[1]?.attributes['gen_ai.response.finish_reasons']).toEqual(['stop']);
      expect(behind.bodies.join()).not.toContain('planted');
    });

    test('that was away gets the spans when it is back, and no stream has waited for it', async () => {
      await start(['--workers', '2']);
      await collector.stop();
      for (let at = 0; at < 4; at += 1) expect(await ask()).toContain('[DONE]');
      await until('a line of the log', 20_000, () =>
        server.logs().includes('the collector does not take the spans') ? true : undefined,
      );
      collector = await startCollector(port, behind.url);
      await collected(12);
      await until('a line of the log', 20_000, () =>
        server.logs().includes('the collector takes spans again') ? true : undefined,
      );
    });

    test('that hangs does not hold the end of the server up', async () => {
      await start();
      collector.child.process.kill('SIGSTOP');
      expect(await ask()).toContain('[DONE]');
      // It checks that the server ends with status 0; its own bound is what a drain has.
      await server.stop();
      expect(server.logs()).toContain('spans of the last requests were lost');
      collector.child.process.kill('SIGCONT');
    });
  },
);
