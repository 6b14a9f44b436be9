import { jsonText } from '@tailrace/protocol';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ModelConfig, TimeoutsConfig } from '../config/config.ts';
import type { ChatRequest } from '../domain/chat-request.ts';
import { failure } from '../domain/failure.ts';
import { type Feature, features } from '../domain/requirements.ts';
import type { EventBatch } from '../domain/stream-event.ts';
import type { Upstream } from '../upstreams/contract.ts';
import { createCatalogue } from './catalogue.ts';
import { createHealth } from './health.ts';
import { createRouter } from './router.ts';

const timeouts: TimeoutsConfig = {
  connectMs: 5_000,
  firstTokenMs: 120_000,
  stallMs: 10_000,
  totalMs: 600_000,
  clientWriteMs: 30_000,
  drainMs: 30_000,
};
const text = (words: string): EventBatch => [{ type: 'text-delta', choice: 0, json: jsonText(words) }];
const finish: EventBatch = [{ type: 'finish', choice: 0, reason: 'stop' }];
const fails = (code: Parameters<typeof failure>[0]): EventBatch => [
  { type: 'failed', failure: failure(code, code) },
];

interface Toy extends Upstream {
  opened: number;
  aborted: number;
}

/** An upstream that plays batches and pauses (milliseconds); `Infinity` is silence until it is aborted. */
function toy(name: string, steps: readonly (EventBatch | number)[], options: Partial<Upstream> = {}): Toy {
  const upstream: Toy = {
    name,
    opened: 0,
    aborted: 0,
    firstTokenClock: 'call',
    capabilities: () => new Set(features),
    contextLength: () => undefined,
    open: (_, signal) => {
      upstream.opened += 1;
      const left = [...steps];
      signal.addEventListener('abort', () => {
        upstream.aborted += 1;
      });
      const pause = (ms: number) =>
        new Promise<void>((resolve) => {
          if (Number.isFinite(ms)) setTimeout(resolve, ms);
          signal.addEventListener('abort', () => resolve());
          if (signal.aborted) resolve();
        });
      return {
        next: async () => {
          for (;;) {
            const step = left.shift();
            if (step === undefined || signal.aborted) return { done: true, value: undefined };
            if (typeof step !== 'number') return { done: false, value: step };
            await pause(step);
          }
        },
        return: async () => ({ done: true, value: undefined }),
      };
    },
    ...options,
  };
  return upstream;
}

const model = (fields: Partial<ModelConfig>): ModelConfig => ({
  aliases: [],
  targets: [],
  balance: 'weight',
  fallbacks: [],
  timeouts: {},
  ...fields,
});
const target = (upstream: string, priority = 0, weight = 1) => ({ upstream, model: 'm', priority, weight });

const request = { model: 'main', n: 1, stop: [], messages: [], responseFormat: { type: 'text' }, body: {} };

function setUp(
  upstreams: readonly Upstream[],
  models: Record<string, ModelConfig>,
  asked: Partial<ChatRequest> = {},
  retry = { perTarget: 1, total: 6, backoffMs: 500, honourRetryAfterMs: 5_000 },
) {
  const catalogue = createCatalogue(
    new Map(Object.entries(models)),
    new Map(upstreams.map((upstream) => [upstream.name, upstream])),
    timeouts,
  );
  const now = () => performance.now();
  const health = createHealth({ failures: 5, windowMs: 30_000, probeEveryMs: 10_000 }, now);
  const router = createRouter({ catalogue, health, retry, random: () => 0, now });
  const plan = (needs: readonly Feature[] = []) => {
    const main = catalogue.find('main');
    if (main === undefined) throw new Error('no main model');
    return router.plan(
      main,
      needs.map((feature) => ({ feature, param: feature })),
    );
  };
  const open = (signal: AbortSignal = new AbortController().signal) => {
    const planned = plan();
    if (!planned.ok) throw new Error(planned.failure.message);
    const call = { request: { ...request, ...asked } as ChatRequest, keyId: 'k', completionId: 'c' };
    return router.open(planned.value, call, signal);
  };
  return { plan, open, health };
}

async function drain(source: ReturnType<ReturnType<typeof setUp>['open']>): Promise<EventBatch[]> {
  const batches: EventBatch[] = [];
  for (;;) {
    const { done, value } = await source.next();
    if (done === true) return batches;
    batches.push(value);
  }
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('the plan of attempts', () => {
  const weak = toy('weak', [], { capabilities: () => new Set<Feature>() });
  const able = toy('able', []);

  it('leaves out targets that cannot honour the request before any dice are thrown', () => {
    const { plan } = setUp([weak, able], { main: model({ targets: [target('weak'), target('able')] }) });
    const planned = plan(['tools']);
    expect(planned.ok && planned.value.flat().map((one) => one.target.upstream.name)).toEqual(['able']);
  });

  it('names the field when no target honours it', () => {
    const { plan } = setUp([weak], { main: model({ targets: [target('weak')] }) });
    expect(plan(['tools'])).toMatchObject({
      ok: false,
      failure: { code: 'unsupported_parameter', param: 'tools' },
    });
  });

  it('says no_healthy_upstream when there is no target at all', () => {
    const { plan } = setUp([], { main: model({ targets: [target('gone')] }) });
    expect(plan()).toMatchObject({ ok: false, failure: { code: 'no_healthy_upstream' } });
  });
});

describe('a source', () => {
  it('holds everything until the commit and then passes batches on as they come', async () => {
    const { open } = setUp(
      [toy('a', [[{ type: 'start', fingerprint: 'f' }], [], text('x'), text('y'), finish])],
      {
        main: model({ targets: [target('a')] }),
      },
    );
    const source = open();
    expect(await drain(source)).toEqual([
      [{ type: 'start', fingerprint: 'f' }, ...text('x')],
      text('y'),
      finish,
    ]);
    expect(source.served()).toEqual({ target: 'a/m' });
  });

  it('makes a failure before the commit invisible when another target answers', async () => {
    const bad = toy('bad', [fails('upstream_refused')]);
    const { open } = setUp([bad, toy('good', [text('x'), finish])], {
      main: model({ targets: [target('bad')], fallbacks: ['spare'] }),
      spare: model({ targets: [target('good')] }),
    });
    const source = open();
    expect(await drain(source)).toEqual([text('x'), finish]);
    expect(source.served()).toEqual({ target: 'good/m', fellBackTo: 'spare' });
    expect(source.attempts()).toMatchObject([
      { failure: { code: 'upstream_refused' } },
      { target: 'good/m' },
    ]);
  });

  it('lets the last failure decide when every try failed', async () => {
    const { open } = setUp(
      [toy('a', [fails('upstream_refused')]), toy('b', [fails('rate_limit_exceeded')])],
      {
        main: model({ targets: [target('a'), target('b', 1)] }),
      },
    );
    expect(await drain(open())).toEqual([fails('rate_limit_exceeded')]);
  });

  it('asks nobody else when the request itself is at fault', async () => {
    const other = toy('b', [text('x'), finish]);
    const { open } = setUp([toy('a', [fails('context_length_exceeded')]), other], {
      main: model({ targets: [target('a'), target('b', 1)] }),
    });
    expect(await drain(open())).toEqual([fails('context_length_exceeded')]);
    expect(other.opened).toBe(0);
  });

  it('takes an answer that ends before it began for a protocol error', async () => {
    const { open } = setUp([toy('a', [[{ type: 'start' }]])], { main: model({ targets: [target('a')] }) });
    expect(await drain(open())).toMatchObject([[{ failure: { code: 'upstream_protocol' } }]]);
  });

  it('gives up on a silent target at the first-token timeout, and aborts it', async () => {
    const silent = toy('a', [Number.POSITIVE_INFINITY]);
    const { open } = setUp([silent], { main: model({ targets: [target('a')] }) });
    const done = drain(open());
    await vi.advanceTimersByTimeAsync(timeouts.firstTokenMs);
    expect(await done).toMatchObject([[{ failure: { code: 'first_token_timeout' } }]]);
    expect(silent.aborted).toBe(1);
  });

  it('counts the first token only from the start event where the target queues', async () => {
    const slow = toy('a', [timeouts.firstTokenMs * 2, [{ type: 'start' }], Number.POSITIVE_INFINITY], {
      firstTokenClock: 'start',
    });
    const { open } = setUp([slow], { main: model({ targets: [target('a')] }) });
    const done = drain(open());
    await vi.advanceTimersByTimeAsync(timeouts.firstTokenMs * 3 - 1);
    expect(slow.aborted).toBe(0);
    await vi.advanceTimersByTimeAsync(1);
    expect(await done).toMatchObject([[{ failure: { code: 'first_token_timeout' } }]]);
  });

  it('ends a stream that stalls after the commit, but only while it is being read', async () => {
    const { open } = setUp([toy('a', [text('x'), Number.POSITIVE_INFINITY])], {
      main: model({ targets: [target('a')] }),
    });
    const source = open();
    await source.next();
    await vi.advanceTimersByTimeAsync(60_000);
    const next = source.next();
    await vi.advanceTimersByTimeAsync(29_999);
    await vi.advanceTimersByTimeAsync(1);
    expect(await next).toMatchObject({ value: [{ type: 'failed', failure: { code: 'stall_timeout' } }] });
  });

  it('ends without a word when the run is stopped', async () => {
    const silent = toy('a', [Number.POSITIVE_INFINITY]);
    const { open } = setUp([silent, toy('b', [text('x')])], {
      main: model({ targets: [target('a'), target('b', 1)] }),
    });
    const controller = new AbortController();
    const done = drain(open(controller.signal));
    await vi.advanceTimersByTimeAsync(1);
    controller.abort();
    expect(await done).toEqual([]);
    expect(silent.aborted).toBe(1);
  });
});
