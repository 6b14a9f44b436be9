import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { jsonText } from '@tailrace/protocol';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { createSignIns } from './access/sign-ins.ts';
import { noStoredKeys } from './access/stored-keys.ts';
import { createApp } from './app.ts';
import { formatProblem } from './config/config-problem.ts';
import { loadConfig } from './config/load-config.ts';
import type { ChatRequest } from './domain/chat-request.ts';
import { failure } from './domain/failure.ts';
import type { EventBatch } from './domain/stream-event.ts';
import { createBodyBudget } from './http/body-budget.ts';
import { createBodyTurns } from './http/body-turns.ts';
import { createTestJournal } from './journal/testing/test-journal.ts';
import { createOpenHandedLedger } from './ledger/testing/open-handed-ledger.ts';
import { createLikelyCompletion } from './metering/likely-completion.ts';
import { noPeers } from './peers/no-peers.ts';
import { createRunRegistry } from './relay/run-registry.ts';
import { createAffinity } from './routing/affinity.ts';
import { createHealth } from './routing/health.ts';
import { createInstruments } from './telemetry/instruments.ts';
import { noSeries } from './telemetry/testing/no-series.ts';
import type { EventStream, Upstream, UpstreamCall } from './upstreams/contract.ts';
import { fakeEventStream } from './upstreams/fake-event-stream.ts';

const key = 'tr_0123456789abcdef';
const yaml = `
upstreams: {lab: {kind: scripted, script: ./s.yaml}, other: {kind: scripted, script: ./s.yaml}}
models:
  acme/one: {targets: [{upstream: lab, model: m}]}
  acme/two: {targets: [{upstream: lab, model: m}, {upstream: other, model: m}]}
  acme/replayed: {targets: [{upstream: lab, model: m, takeover: replay}]}
  acme/hedged:
    targets: [{upstream: lab, model: m}, {upstream: other, model: m}]
    timeouts: {hedge_after: 1ms}
retry: {backoff: 1ms}
breaker: {failures: 10000}
`;

const words: EventBatch = [{ type: 'text-delta', choice: 0, json: jsonText('Words.') }];
const call: EventBatch = [{ type: 'tool-call-start', choice: 0, index: 0, id: 'c', name: 'f' }];
const finish: EventBatch = [{ type: 'finish', choice: 0, reason: 'stop' }];
const failed: EventBatch = [{ type: 'failed', failure: failure('upstream_refused', 'No.') }];
/** The answer of an upstream, by the first word of the last message. After `hang` it sends nothing more. */
const plays: Readonly<Record<string, readonly (EventBatch | 'hang' | 'bug')[]>> = {
  whole: [words, finish],
  refused: [failed],
  cut: [words, failed],
  hang: ['hang'],
  stall: [words, 'hang'],
  calls: [call, 'hang'],
  bug: ['bug'],
};

/** The requests of all calls, as long as something else holds them. */
const asked: WeakRef<ChatRequest>[] = [];

function play(call: UpstreamCall, signal: AbortSignal): EventStream {
  asked.push(new WeakRef(call.request));
  let leave = (): void => {};
  const left = [...(plays[JSON.stringify(call.request.messages).match(/play (\w+)/)?.[1] ?? ''] ?? [])];
  return fakeEventStream(
    async () => {
      const batch = left.shift();
      if (batch === 'bug') throw new Error('a bug');
      if (batch !== 'hang') return batch;
      await new Promise<void>((resolve) => {
        leave = resolve;
        signal.addEventListener('abort', () => resolve());
      });
      return undefined;
    },
    () => leave(),
  );
}

const upstream = (name: string): Upstream => ({
  name,
  firstTokenClock: 'call',
  capabilities: () => new Set(),
  contextLength: () => undefined,
  open: play,
});

const held = createBodyBudget(() => 100_000);
const budget = createBodyBudget(() => 1_000_000);
const runs = createRunRegistry();
let draining = false;
let server: Server;
let url: string;

beforeAll(async () => {
  const read = async (path: string) =>
    path.endsWith('tailrace.yaml')
      ? ({ ok: true, text: yaml, again: true } as const)
      : ({ ok: false, reason: 'missing', message: 'there is none' } as const);
  const loaded = await loadConfig({
    env: { TAILRACE_API_KEY: key },
    cwd: '/',
    files: { read, readLarge: read, isFile: async () => true },
  });
  if (!loaded.ok) throw new Error(loaded.problems.map(formatProblem).join('\n'));
  const quiet = () => {};
  const handle = createApp({
    config: loaded.config,
    keys: { apiKeys: [key], adminKeys: [] },
    storedKeys: noStoredKeys,
    signIns: createSignIns(Date.now),
    ledger: createOpenHandedLedger(),
    peers: noPeers,
    openRecords: new Set(),
    likely: createLikelyCompletion(),
    upstreams: new Map(['lab', 'other'].map((name) => [name, upstream(name)])),
    log: { debug: quiet, info: quiet, warn: quiet, error: quiet },
    runs,
    journal: createTestJournal(),
    health: createHealth(
      () => loaded.config.breaker,
      () => performance.now(),
    ),
    affinity: createAffinity(),
    instruments: createInstruments(),
    series: noSeries,
    bodies: { held, budget, turns: createBodyTurns({ now: () => performance.now(), later: setImmediate }) },
    shed: { refusal: () => undefined },
    loaded: () => true,
    draining: () => draining,
    reload: async () => ({ problems: [], changed: [], warnings: [] }),
  });
  server = createServer((request, response) => void handle(request, response, false));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/chat/completions`;
});
afterAll(() => void server.close());

/** Sends a request and reads its answer to the end; gives its status, or 0 where it is broken off. */
async function ask(body: string, signal?: AbortSignal): Promise<number> {
  const headers = { Authorization: `Bearer ${key}`, 'Content-Type': 'application/json' };
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers,
      body,
      ...(signal === undefined ? {} : { signal }),
    });
    await response.text();
    return response.status;
  } catch {
    return 0;
  }
}

const chat = (model: string, what: string, more: object = {}) =>
  JSON.stringify({ model, messages: [{ role: 'user', content: `play ${what}` }], ...more });

it('counts a request until its answer has ended, and refuses requests without room', async () => {
  const stop = new AbortController();
  const waiting = Array.from({ length: 3 }, () =>
    ask(chat('acme/one', 'hang', { user: 'x'.repeat(100) }), stop.signal),
  );
  await vi.waitFor(() => expect(runs.size).toBe(3));
  expect(held.held()).toBeGreaterThan(3 * 4_096);
  const large = chat('acme/one', 'whole', {
    user: 'x'.repeat(200),
    messages: [{ role: 'user', content: `play whole ${'x'.repeat(12_000)}` }],
  });
  expect(await ask(large)).toBe(503);
  expect(await ask(chat('acme/one', 'whole', { metadata: { a: 'x'.repeat(50_000) } }))).toBe(413);
  stop.abort();
  await Promise.all(waiting);
  await vi.waitFor(() => expect(held.held()).toBe(0));
  expect(await ask(large)).toBe(200);
});

it('keeps no message of a stream that has begun, unless a target could take it over', async () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const keeps = async (model: string, what: string): Promise<boolean> => {
    asked.length = 0;
    const stop = new AbortController();
    const body = chat(model, what, { stream: true });
    const headers = { Authorization: `Bearer ${key}`, 'Content-Type': 'application/json' };
    const { body: answer } = await fetch(url, { method: 'POST', headers, body, signal: stop.signal });
    const read = await answer?.getReader().read();
    expect(read?.done).toBe(false);
    // A job that has read a weak reference keeps its object, so the collection has a job of its own.
    await new Promise((resolve) => setTimeout(resolve, 5));
    collect();
    const kept = asked.some((request) => request.deref() !== undefined);
    expect(asked.length).toBeGreaterThan(0);
    stop.abort();
    await vi.waitFor(() => expect(runs.size).toBe(0));
    return kept;
  };
  for (const model of ['acme/one', 'acme/two', 'acme/hedged']) {
    expect(await keeps(model, 'stall')).toBe(false);
  }
  expect(await keeps('acme/replayed', 'stall')).toBe(true);
  expect(await keeps('acme/replayed', 'calls')).toBe(false);
});

it('holds nothing when all requests have ended, in each way that a request can end', async () => {
  const request = fc.record({
    body: fc.oneof(
      fc
        .record({
          model: fc.constantFrom('acme/one', 'acme/two', 'acme/hedged', 'nobody/none'),
          what: fc.constantFrom(...Object.keys(plays)),
          more: fc.constantFrom({}, { stream: true }, { x: [1.5] }, { temperature: 9 }, { tools: [{}] }),
        })
        .map(({ model, what, more }) => chat(model, what, more)),
      fc.constantFrom('{', '[]', '{}', '"\\ud83d"', chat('acme/one', 'x'.repeat(60_000))),
    ),
    draining: fc.integer({ min: 0, max: 9 }).map((dice) => dice === 0),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(request, { minLength: 1, maxLength: 8 }), async (requests) => {
      const stop = new AbortController();
      const answers = requests.map((one) => {
        draining = one.draining;
        return ask(one.body, stop.signal);
      });
      await Promise.race([Promise.all(answers), new Promise((resolve) => setTimeout(resolve, 15))]);
      draining = false;
      stop.abort();
      await Promise.all(answers);
      await vi.waitFor(() => expect([held.held(), budget.held(), runs.size]).toEqual([0, 0, 0]), {
        interval: 2,
      });
    }),
    { numRuns: 60 },
  );
});
