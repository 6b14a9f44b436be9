import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createWall, type Wall } from '../../packages/server/src/wall/wall.ts';
import { type FaultProxy, socketOperations, startFaultProxy } from '../support/fault-proxy.ts';
import type { RawResponse } from '../support/http-bytes.ts';
import { inParallel } from '../support/in-parallel.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { until } from '../support/until.ts';
import { askRelay } from './ask-relay.ts';
import { healthyCase } from './healthy-case.ts';
import { judgeObject, judgeStream, truthsOf } from './judge.ts';

/*
 * An upstream that goes down and comes back, behind a breaker with short settings; and one that says when to
 * ask again.
 */

const patienceMs = 30_000;
const backWithinMs = 30_000;
const allFail = { every: 1, operations: socketOperations, how: 'reset' } as const;

let wall: Wall;
let flapping: FaultProxy;
let server: TestServer;
let asked = 0;

beforeAll(async () => {
  wall = createWall();
  const wallPort = await wall.listen({ host: '127.0.0.1', port: 0, loopback: true });
  flapping = await startFaultProxy(wallPort);
  const upstream = (port: number) => ({
    kind: 'openai',
    base_url: `http://127.0.0.1:${port}/v1`,
    api_key: 'wall',
  });
  const target = (name: string, model: string) => ({ upstream: name, model, takeover: 'replay' });
  server = await startServer({
    model: 'none',
    config: {
      upstreams: { flapping: upstream(flapping.port), steady: upstream(wallPort) },
      models: {
        alone: { targets: [target('flapping', 'wall/healthy')] },
        beside: {
          targets: [target('flapping', 'wall/healthy'), { ...target('steady', 'wall/healthy'), priority: 1 }],
        },
        'date-soon': { targets: [target('steady', 'wall/429-date:2')] },
        'hanging-probe': { targets: [target('steady', 'wall/500-then-hang:3')] },
        'date-late': { targets: [target('steady', 'wall/429-date:3600')] },
      },
      timeouts: { connect: '2s', first_token: '2s', stall: '1s', total: '30s' },
      retry: { backoff: '5ms', honour_retry_after: '3s' },
      breaker: { failures: 3, window: '10s', probe_every: '500ms' },
    },
  });
});
afterAll(async () => {
  await server?.stop();
  await Promise.all([wall.close(), flapping.close()]);
});
beforeEach(() => flapping.plan(undefined));

describe('an upstream that is down', () => {
  test('gets no requests while its breaker is open, and gets them again as soon as it is back', async () => {
    flapping.drop();
    flapping.plan(allFail);
    const down = await until('the breaker to open', patienceMs, async () => {
      const refused = await ask('alone');
      return codeOf(refused) === 'no_healthy_upstream' ? refused : undefined;
    });
    expect(down.status).toBe(503);
    expect(Number(down.header('Retry-After'))).toBeGreaterThanOrEqual(1);
    expect(await breakerOf('flapping/wall/healthy')).not.toBe('closed');

    flapping.plan(allFail);
    await inParallel(Array.from({ length: 50 }), 10, () => ask('alone'));
    // Fifty requests would have been 150 attempts; probes are one each half second.
    expect(flapping.counted().operations).toBeLessThan(20);

    flapping.plan(undefined);
    const back = await until('an answer', backWithinMs, async () => {
      const response = await ask('alone');
      return response.status === 200 ? response : undefined;
    });
    expect(back.complete).toBe(true);
    expect(await breakerOf('flapping/wall/healthy')).toBe('closed');
  });
});

describe('a probe that hangs', () => {
  test('ends at the first-token timeout, and no other request waits for it', async () => {
    const messages = [{ role: 'user', content: 'The same to all' }];
    const counted = () => wall.stats().requests['500-then-hang'] ?? 0;
    const down = await ask('hanging-probe', { messages });
    expect([codeOf(down), counted()]).toEqual(['upstream_refused', 3]);
    expect(await breakerOf('steady/wall/500-then-hang:3')).toBe('open');

    for (const probes of [1, 2]) {
      // A request that comes when a probe is due is the probe, and hangs; those that come meanwhile are refused at once.
      const probing = await until('a probe', patienceMs, async () => {
        const asked = ask('hanging-probe', { messages });
        const first = await Promise.race([asked.then(codeOf), arrived(() => counted() >= 3 + probes)]);
        return first === 'arrived' ? { asked } : undefined;
      });
      const beside = await inParallel(Array.from({ length: 5 }), 5, () => ask('hanging-probe', { messages }));
      expect(new Set(beside.map(codeOf))).toEqual(new Set(['no_healthy_upstream']));
      expect(codeOf(await probing.asked)).toBe('first_token_timeout');
      expect(counted()).toBe(3 + probes);
    }
  });
});

async function arrived(condition: () => boolean): Promise<'arrived'> {
  await until('the request to arrive', patienceMs, () => (condition() ? true : undefined));
  return 'arrived';
}

describe('an upstream that flaps', () => {
  test('never makes a cut answer look whole, and with another target no answer fails', async () => {
    let on = true;
    let flaps = 0;
    let timer: NodeJS.Timeout | undefined;
    // On a busy machine no answer may fit into 150 ms: then the times become longer.
    const flapLater = () => {
      timer = setTimeout(flap, 150 * 2 ** Math.floor(flaps / 16));
    };
    const flap = () => {
      on = !on;
      flaps += 1;
      if (!on) flapping.drop();
      flapping.plan(on ? undefined : allFail);
      flapLater();
    };
    flapLater();
    const wrong: unknown[] = [];
    const outcomes = new Set<string>();
    try {
      let index = 0;
      const askNext = async () => {
        index += 1;
        const model = index % 2 === 0 ? 'alone' : 'beside';
        const stream = index % 4 < 2;
        const messages = question();
        const response = await ask(model, { messages, stream });
        const { outcome, lies } = (stream ? judgeStream : judgeObject)(
          response,
          truthsOf(healthyCase, messages),
        );
        if (model === 'alone') outcomes.add(outcome.kind);
        if (lies.length > 0 || (model === 'beside' && outcome.kind !== 'whole')) {
          wrong.push({ model, stream, outcome, lies });
        }
      };
      const isSeen = () => outcomes.has('whole') && outcomes.size > 1;
      const client = async () => {
        while (flaps < 16 || (!isSeen() && flaps < 64)) await askNext();
      };
      await Promise.all(Array.from({ length: 8 }, client));
    } finally {
      clearTimeout(timer);
    }
    expect(wrong).toEqual([]);
    // It was asked both while it was down and while it was up.
    expect(outcomes.has('whole') && outcomes.size > 1).toBe(true);
  });
});

describe('a Retry-After that is a date', () => {
  test('is waited for where it is soon: the target is asked three times', async () => {
    const before = wall.stats().requests['429-date'] ?? 0;
    const response = await ask('date-soon');
    expect([response.status, codeOf(response)]).toEqual([429, 'rate_limit_exceeded']);
    expect((wall.stats().requests['429-date'] ?? 0) - before).toBe(3);
    expect(Number(response.header('Retry-After'))).toBeLessThanOrEqual(2);
    expect(Number(response.header('retry-after-ms'))).toBeLessThanOrEqual(2_000);
  });

  test('is passed on and not waited for where it is far', async () => {
    const before = wall.stats().requests['429-date'] ?? 0;
    const response = await ask('date-late');
    expect([response.status, codeOf(response)]).toEqual([429, 'rate_limit_exceeded']);
    expect((wall.stats().requests['429-date'] ?? 0) - before).toBe(1);
    // A client is never asked to wait for longer than a minute; it is told not to retry by itself.
    expect(Number(response.header('Retry-After'))).toBeLessThanOrEqual(60);
    expect(response.header('x-should-retry')).toBe('false');
  });
});

function question() {
  asked += 1;
  return [{ role: 'user', content: `Flap ${asked}` }];
}

async function ask(model: string, fields: Readonly<Record<string, unknown>> = {}): Promise<RawResponse> {
  const asks = { model, stream: true, temperature: 0, messages: question(), ...fields };
  const response = await askRelay(server, asks, patienceMs);
  if (response === undefined) throw new Error('the connection ended without an answer');
  return response;
}

function codeOf({ status, body }: RawResponse): string | undefined {
  if (status === 200) return undefined;
  return (JSON.parse(body.toString()) as { error: { code: string } }).error.code;
}

async function breakerOf(id: string): Promise<string | undefined> {
  const response = await fetch(`${server.baseUrl}/admin/v1/upstreams`, {
    headers: { authorization: `Bearer ${server.adminKey}` },
  });
  const { data } = (await response.json()) as {
    data: readonly { readonly id: string; readonly breaker: string }[];
  };
  return data.find((target) => target.id === id)?.breaker;
}
