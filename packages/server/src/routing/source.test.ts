import { type ErrorCode, jsonText } from '@tailrace/protocol';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ModelConfig, TimeoutsConfig } from '../config/config.ts';
import { pullOnce } from '../domain/batches.ts';
import type { ChatRequest } from '../domain/chat-request.ts';
import { failure } from '../domain/failure.ts';
import { type Feature, features } from '../domain/requirements.ts';
import type { EventBatch } from '../domain/stream-event.ts';
import { withEstimates } from '../domain/usage.ts';
import { createTimerQueue } from '../timers/timer-queue.ts';
import type { Upstream, UpstreamCall } from '../upstreams/contract.ts';
import { fakeEventStream } from '../upstreams/fake-event-stream.ts';
import { createAffinity } from './affinity.ts';
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

interface FakeUpstream extends Upstream {
  opened: number;
  aborted: number;
}

/** An upstream that plays batches and pauses (milliseconds); `Infinity` is silence until it is aborted or closed. */
function fakeUpstream(
  name: string,
  steps: readonly (EventBatch | number)[],
  options: Partial<Upstream> = {},
): FakeUpstream {
  const upstream: FakeUpstream = {
    name,
    opened: 0,
    aborted: 0,
    firstTokenClock: 'call',
    capabilities: () => new Set(features),
    contextLength: () => undefined,
    open: (_, signal) => {
      upstream.opened += 1;
      const left = [...steps];
      let over = false;
      let endPause = () => {};
      const abort = () => {
        if (!over) upstream.aborted += 1;
        over = true;
        endPause();
      };
      signal.addEventListener('abort', abort);
      const pause = (ms: number) =>
        new Promise<void>((resolve) => {
          endPause = resolve;
          if (Number.isFinite(ms)) setTimeout(resolve, ms);
          if (over) resolve();
        });
      return fakeEventStream(async () => {
        for (;;) {
          const step = left.shift();
          if (step === undefined || over) return undefined;
          if (typeof step !== 'number') return step;
          await pause(step);
        }
      }, abort);
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

const request = {
  model: 'main',
  n: 1,
  stream: true,
  stop: [],
  messages: [],
  responseFormat: { type: 'text' },
  rest: {},
};

function usageOf(promptTokens: number, completionTokens: number): EventBatch {
  return [{ type: 'usage', usage: { promptTokens, completionTokens } }];
}

function setUp(
  upstreams: readonly Upstream[],
  models: Record<string, ModelConfig>,
  asked: Partial<ChatRequest> = {},
  retry = { perTarget: 1, total: 6, backoffMs: 500, honourRetryAfterMs: 5_000 },
  promptTokens = 0,
) {
  const catalogue = createCatalogue(
    new Map(Object.entries(models)),
    new Map(upstreams.map((upstream) => [upstream.name, upstream])),
    timeouts,
  );
  const timers = createTimerQueue(() => performance.now());
  const health = createHealth(() => ({ failures: 5, windowMs: 30_000, probeEveryMs: 10_000 }), timers.now);
  const affinity = createAffinity();
  const router = createRouter({ catalogue, health, affinity, retry, random: () => 0, timers });
  const whole = { ...request, ...asked } as ChatRequest;
  const plan = (needs: readonly Feature[] = []) => {
    const main = catalogue.find('main');
    if (main === undefined) throw new Error('no main model');
    const requirements = needs.map((feature) => ({ feature, param: feature }));
    return router.plan(main, { request: whole, requirements });
  };
  const open = (signal: AbortSignal = new AbortController().signal) => {
    const planned = plan();
    if (!planned.ok) throw new Error(planned.failure.message);
    const call = { request: whole, keyId: 'k', completionId: 'c' };
    return router.open(planned.value, call, promptTokens, signal);
  };
  return { plan, open, health };
}

async function drain(source: ReturnType<ReturnType<typeof setUp>['open']>): Promise<EventBatch[]> {
  const batches: EventBatch[] = [];
  for (;;) {
    const { done, value } = await pullOnce(source);
    if (done === true) return batches;
    batches.push(value);
  }
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('the plan of attempts', () => {
  const weak = fakeUpstream('weak', [], { capabilities: () => new Set<Feature>() });
  const able = fakeUpstream('able', []);

  it('leaves out targets that cannot honour the request', () => {
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

  it('fails with no_healthy_upstream when there is no target at all', () => {
    const { plan } = setUp([], { main: model({ targets: [target('gone')] }) });
    expect(plan()).toMatchObject({ ok: false, failure: { code: 'no_healthy_upstream' } });
  });
});

describe('a source', () => {
  it('holds all events until the commit, and then passes each batch on', async () => {
    const { open } = setUp(
      [fakeUpstream('a', [[{ type: 'start', fingerprint: 'f' }], [], text('x'), text('y'), finish])],
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

  it('gives each target the connect timeout of its model', async () => {
    const seen: (number | undefined)[] = [];
    const noting = (name: string, steps: readonly EventBatch[]) => {
      const upstream = fakeUpstream(name, steps);
      const { open } = upstream;
      upstream.open = (call, signal) => {
        seen.push(call.connectMs);
        return open(call, signal);
      };
      return upstream;
    };
    const { open } = setUp([noting('a', [fails('upstream_refused')]), noting('b', [finish])], {
      main: model({ targets: [target('a')], fallbacks: ['other'], timeouts: { connectMs: 70 } }),
      other: model({ targets: [target('b')] }),
    });
    await drain(open());
    expect(seen).toEqual([70, timeouts.connectMs]);
  });

  it('makes a failure before the commit invisible when another target answers', async () => {
    const bad = fakeUpstream('bad', [fails('upstream_refused')]);
    const { open } = setUp([bad, fakeUpstream('good', [text('x'), finish])], {
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

  it('ends in the last failure when every attempt failed', async () => {
    const { open } = setUp(
      [fakeUpstream('a', [fails('upstream_refused')]), fakeUpstream('b', [fails('rate_limit_exceeded')])],
      {
        main: model({ targets: [target('a'), target('b', 1)] }),
      },
    );
    expect(await drain(open())).toEqual([fails('rate_limit_exceeded')]);
  });

  it('asks no other target when the request itself is at fault', async () => {
    const other = fakeUpstream('b', [text('x'), finish]);
    const { open } = setUp([fakeUpstream('a', [fails('context_length_exceeded')]), other], {
      main: model({ targets: [target('a'), target('b', 1)] }),
    });
    expect(await drain(open())).toEqual([fails('context_length_exceeded')]);
    expect(other.opened).toBe(0);
  });

  it('treats an answer without any event as a protocol error', async () => {
    const { open } = setUp([fakeUpstream('a', [[{ type: 'start' }]])], {
      main: model({ targets: [target('a')] }),
    });
    expect(await drain(open())).toMatchObject([[{ failure: { code: 'upstream_protocol' } }]]);
  });

  it('gives up on a silent target at the first-token timeout, and aborts it', async () => {
    const silent = fakeUpstream('a', [Number.POSITIVE_INFINITY]);
    const { open } = setUp([silent], { main: model({ targets: [target('a')] }) });
    const done = drain(open());
    await vi.advanceTimersByTimeAsync(timeouts.firstTokenMs);
    expect(await done).toMatchObject([[{ failure: { code: 'first_token_timeout' } }]]);
    expect(silent.aborted).toBe(1);
  });

  it('starts the first-token timeout at the start event where the target queues requests', async () => {
    const slow = fakeUpstream(
      'a',
      [timeouts.firstTokenMs * 2, [{ type: 'start' }], Number.POSITIVE_INFINITY],
      {
        firstTokenClock: 'start',
      },
    );
    const { open } = setUp([slow], { main: model({ targets: [target('a')] }) });
    const done = drain(open());
    await vi.advanceTimersByTimeAsync(timeouts.firstTokenMs * 3 - 1);
    expect(slow.aborted).toBe(0);
    await vi.advanceTimersByTimeAsync(1);
    expect(await done).toMatchObject([[{ failure: { code: 'first_token_timeout' } }]]);
  });

  it('ends a stream that stalls after the commit, but only while it is being read', async () => {
    const { open } = setUp([fakeUpstream('a', [text('x'), Number.POSITIVE_INFINITY])], {
      main: model({ targets: [target('a')] }),
    });
    const source = open();
    await pullOnce(source);
    await vi.advanceTimersByTimeAsync(60_000);
    const next = pullOnce(source);
    await vi.advanceTimersByTimeAsync(29_999);
    await vi.advanceTimersByTimeAsync(1);
    expect(await next).toMatchObject({ value: [{ type: 'failed', failure: { code: 'stall_timeout' } }] });
  });

  it('has the long stall timeout once the answer is too long to be kept for a takeover', async () => {
    const long = text('x'.repeat(5 * 1024 * 1024));
    const a = fakeUpstream('a', [text('x'), long, Number.POSITIVE_INFINITY]);
    const { open } = setUp(
      [a, fakeUpstream('b', [text('x'), finish])],
      { main: model({ targets: [target('a'), target('b', 1)] }) },
      { temperature: 0 },
    );
    const done = drain(open());
    await vi.advanceTimersByTimeAsync(29_999);
    expect(a.aborted).toBe(0);
    await vi.advanceTimersByTimeAsync(1);
    expect((await done).at(-1)).toMatchObject([{ type: 'failed', failure: { code: 'stall_timeout' } }]);
  });

  it('ends without an event when the run is stopped', async () => {
    const silent = fakeUpstream('a', [Number.POSITIVE_INFINITY]);
    const { open } = setUp([silent, fakeUpstream('b', [text('x')])], {
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

describe('a hedge', () => {
  const hedged = { targets: [target('slow'), target('fast', 1)], timeouts: { hedgeAfterMs: 1_000 } };

  it('is started when the first token is late, and the first attempt to commit wins', async () => {
    const slow = fakeUpstream('slow', [5_000, text('s'), finish]);
    const fast = fakeUpstream('fast', [500, text('f'), finish]);
    const { open } = setUp([slow, fast], { main: model(hedged) });
    const source = open();
    const done = drain(source);
    await vi.advanceTimersByTimeAsync(1_500);
    expect(await done).toEqual([text('f'), finish]);
    expect([slow.opened, slow.aborted, fast.opened]).toEqual([1, 1, 1]);
    expect(source.attempts()).toMatchObject([
      { outcome: 'lost', usage: { completionTokens: 0 } },
      { mode: 'hedge', outcome: 'served' },
    ]);
  });

  it('is not started when the first token comes in time; when it is started, the slow attempt may still win', async () => {
    const quick = fakeUpstream('slow', [900, text('s'), finish]);
    const spare = fakeUpstream('fast', [text('f'), finish]);
    const inTime = drain(setUp([quick, spare], { main: model(hedged) }).open());
    await vi.advanceTimersByTimeAsync(1_000);
    expect([await inTime, spare.opened]).toEqual([[text('s'), finish], 0]);

    const wins = drain(
      setUp([fakeUpstream('slow', [1_500, text('s'), finish]), fakeUpstream('fast', [9_000, text('f')])], {
        main: model(hedged),
      }).open(),
    );
    await vi.advanceTimersByTimeAsync(2_000);
    expect(await wins).toEqual([text('s'), finish]);
  });

  it('that fails at once is replaced by an untried target', async () => {
    const three = { ...hedged, targets: [target('slow'), target('fast', 1), target('spare', 2)] };
    const bad = fakeUpstream('fast', [fails('upstream_refused')]);
    const upstreams = [
      fakeUpstream('slow', [90_000, text('s')]),
      bad,
      fakeUpstream('spare', [text('f'), finish]),
    ];
    const done = drain(setUp(upstreams, { main: model(three) }).open());
    await vi.advanceTimersByTimeAsync(1_001);
    expect(await done).toEqual([text('f'), finish]);
  });

  it('is not started beside an answer that has begun, also where it does not stream', async () => {
    const slow = fakeUpstream('slow', [text('s'), 5_000, finish]);
    const fast = fakeUpstream('fast', [text('f'), finish]);
    const done = drain(setUp([slow, fast], { main: model(hedged) }, { stream: false }).open());
    await vi.advanceTimersByTimeAsync(5_000);
    expect([await done, fast.opened]).toEqual([[[...text('s'), ...finish]], 0]);
  });

  it('answers the request when the first attempt fails', async () => {
    const bad = fakeUpstream('slow', [2_000, fails('upstream_refused')]);
    const done = drain(
      setUp([bad, fakeUpstream('fast', [3_000, text('f'), finish])], { main: model(hedged) }).open(),
    );
    await vi.advanceTimersByTimeAsync(5_000);
    expect(await done).toEqual([text('f'), finish]);
  });
});

describe('a takeover', () => {
  const both = { main: model({ targets: [target('a'), target('b', 1)] }) };
  const cut = [text('Hel'), text('lo'), fails('upstream_cut')];

  it('by replay passes on what follows the delivered text', async () => {
    const b = fakeUpstream('b', [[{ type: 'start' }], text('He'), text('llo wor'), text('ld'), finish]);
    const source = setUp([fakeUpstream('a', cut), b], both, { temperature: 0 }).open();
    expect(await drain(source)).toEqual([text('Hel'), text('lo'), text(' wor'), text('ld'), finish]);
    expect(source.served()).toEqual({ target: 'a/m' });
    expect(source.attempts()).toMatchObject([
      { outcome: 'failed', failure: { code: 'upstream_cut' } },
      { target: 'b/m', mode: 'replay', outcome: 'served' },
    ]);
  });

  it('by prefix sends the partial answer, reduces max_tokens, and counts the prefix as completion', async () => {
    const calls: UpstreamCall[] = [];
    const usage: EventBatch = [
      { type: 'usage', usage: { promptTokens: 12, completionTokens: 3 } },
      ...finish,
    ];
    const b = fakeUpstream('b', [text(' world'), usage], { takeover: () => 'prefix' });
    const { open } = b;
    b.open = (call, signal) => {
      calls.push(call);
      return open(call, signal);
    };
    const asked = { maxTokens: 10 };
    const batches = await drain(setUp([fakeUpstream('a', cut), b], both, asked).open());
    expect(batches.slice(2)).toEqual([
      text(' world'),
      [{ type: 'usage', usage: { promptTokens: 10, completionTokens: 5 } }, ...finish],
    ]);
    expect(calls).toMatchObject([{ prefix: 'Hello', request: { maxTokens: 8 } }]);
  });

  it('by prefix counts a long delta of the prefix by its length, and subtracts one token for it from max_tokens', async () => {
    const long = 'The quick brown fox jumps over the lazy dog, again and again and once more.';
    const usage: EventBatch = [
      { type: 'usage', usage: { promptTokens: 60, completionTokens: 3 } },
      ...finish,
    ];
    const calls: UpstreamCall[] = [];
    const a = fakeUpstream('a', [text(long), fails('upstream_cut')]);
    const b = fakeUpstream('b', [text(' So.'), usage], { takeover: () => 'prefix' });
    const { open } = b;
    b.open = (call, signal) => {
      calls.push(call);
      return open(call, signal);
    };
    const source = setUp([a, b], both, { maxTokens: 100 }).open();
    await drain(source);
    await source.close();
    const { deliveredTokens = 0 } = source.attempts()[0] ?? {};
    expect(deliveredTokens).toBeGreaterThan(5);
    expect(source.reported()).toEqual({
      promptTokens: 60 - deliveredTokens,
      completionTokens: 3 + deliveredTokens,
    });
    expect(calls).toMatchObject([{ request: { maxTokens: 99 } }]);
  });

  it.each<[string, EventBatch]>([
    ['in its start', [{ type: 'start', promptTokens: 41 }, ...text('Hel')]],
    ['in a usage', [{ type: 'usage', usage: { promptTokens: 41, completionTokens: 0 } }, ...text('Hel')]],
  ])('keeps the tokens of the prompt that the first target reported %s', async (_, begins) => {
    const a = fakeUpstream('a', [begins, fails('upstream_cut')]);
    const source = setUp([a, fakeUpstream('b', [text('Hello'), finish])], both, { temperature: 0 }).open();
    await drain(source);
    expect(source.reported()).toMatchObject({ promptTokens: 41 });
  });

  it('by prefix leaves a count at 0 that its target did not report', async () => {
    for (const [promptTokens, completionTokens, usage] of [
      [0, 3, { promptTokens: 0, completionTokens: 5 }],
      [12, 0, { promptTokens: 10, completionTokens: 0 }],
    ] as const) {
      const reported: EventBatch = [{ type: 'usage', usage: { promptTokens, completionTokens } }, ...finish];
      const b = fakeUpstream('b', [text(' world'), reported], { takeover: () => 'prefix' });
      const batches = await drain(setUp([fakeUpstream('a', cut), b], both).open());
      expect(batches.at(-1)).toEqual([{ type: 'usage', usage }, ...finish]);
    }
  });

  it('by prefix counts no more tokens of a cache than its own prompt has', async () => {
    const counts = { promptTokens: 12, completionTokens: 3, cachedTokens: 9, cacheWriteTokens: 3 };
    const reported: EventBatch = [{ type: 'usage', usage: counts }, ...finish];
    const b = fakeUpstream('b', [text(' world'), reported], { takeover: () => 'prefix' });
    const batches = await drain(setUp([fakeUpstream('a', cut), b], both).open());
    const usage = { promptTokens: 10, completionTokens: 5, cachedTokens: 9, cacheWriteTokens: 1 };
    expect(batches.at(-1)).toEqual([{ type: 'usage', usage }, ...finish]);
  });

  it('records the usage of each target, also of the one that was cut', async () => {
    const reported = (completionTokens: number): EventBatch => [
      { type: 'usage', usage: { promptTokens: 12, completionTokens } },
    ];
    const b = fakeUpstream('b', [text(' world'), [...reported(3), ...finish]], { takeover: () => 'prefix' });
    const guessed = setUp([fakeUpstream('a', cut), b], both).open();
    await drain(guessed);
    await guessed.close();
    expect(guessed.completionTokens()).toBe(3);
    expect(guessed.attempts()).toMatchObject([
      {
        outcome: 'failed',
        usage: { promptTokens: 0, completionTokens: 2, estimated: true },
        deliveredTokens: 2,
      },
      {
        outcome: 'served',
        model: 'main',
        usage: { promptTokens: 12, completionTokens: 3 },
        deliveredTokens: 1,
      },
    ]);
    const early = fakeUpstream('a', [text('Hel'), reported(7), fails('upstream_cut')]);
    const reportedEarly = setUp([early, fakeUpstream('b', [text('Hello'), finish])], both, {
      temperature: 0,
    }).open();
    await drain(reportedEarly);
    await reportedEarly.close();
    expect(reportedEarly.attempts()).toMatchObject([
      { usage: { promptTokens: 12, completionTokens: 7 } },
      { usage: { completionTokens: 1, estimated: true } },
    ]);
  });

  it.each<[string, EventBatch, string]>([
    ['counted before it', [{ type: 'start', promptTokens: 41, cachedTokens: 30 }], 'upstream_cut'],
    ['is estimated', [], 'upstream_cut'],
    ['counted in a report that later output makes too small', usageOf(41, 1), 'stall_timeout'],
  ])('has one usage for the answer and its attempt where the prompt %s', async (_, begins, code) => {
    const exact: EventBatch = [{ type: 'text-delta', choice: 0, json: jsonText('Hel'), tokens: 7 }];
    for (const output of [text('Hel'), exact]) {
      const a = fakeUpstream('a', [[...begins, ...output], text('lo'), fails(code as ErrorCode)]);
      const source = setUp([a], { main: model({ targets: [target('a')] }) }, {}, undefined, 34).open();
      await drain(source);
      await source.close();
      const [attempt] = source.attempts();
      expect(attempt?.usage).toEqual(withEstimates(source.reported(), source));
      expect(attempt?.usage).toMatchObject({
        promptTokens: begins.length > 0 ? 41 : 34,
        completionTokens: source.completionTokens(),
      });
    }
  });

  it('records the prompt of an attempt that its target took, and none of one that was not taken', async () => {
    const usageAfter = async (steps: readonly (EventBatch | number)[]) => {
      const a = fakeUpstream('a', steps);
      const source = setUp([a], { main: model({ targets: [target('a')] }) }, {}, undefined, 34).open();
      await drain(source);
      await source.close();
      return source.attempts()[0]?.usage;
    };
    const prompt = { promptTokens: 34, completionTokens: 0, estimated: true };
    expect(await usageAfter([fails('first_token_timeout')])).toEqual(prompt);
    expect(await usageAfter([fails('upstream_protocol')])).toEqual(prompt);
    expect(await usageAfter([[{ type: 'start' }], fails('upstream_refused')])).toEqual(prompt);
    for (const code of [
      'upstream_refused',
      'rate_limit_exceeded',
      'upstream_auth',
      'invalid_value',
    ] as const) {
      expect(await usageAfter([fails(code)])).toBeUndefined();
    }
  });

  it('records an estimate for each count that cannot be', async () => {
    const zeros: EventBatch = [{ type: 'usage', usage: { promptTokens: 9, completionTokens: 0 } }, ...finish];
    const source = setUp([fakeUpstream('a', [text('Hel'), text('lo'), zeros])], both).open();
    await drain(source);
    await source.close();
    expect(source.attempts()).toMatchObject([
      { usage: { promptTokens: 9, completionTokens: 2, estimated: true } },
    ]);
  });

  it('reduces max_tokens by no more than the lower bound where no target counts tokens', async () => {
    const calls: UpstreamCall[] = [];
    const cyrillic = [text('длинное предложение о реке'), text(' и ещё одно'), fails('upstream_cut')];
    const b = fakeUpstream('b', [text(' конец'), finish], { takeover: () => 'prefix' });
    const { open } = b;
    b.open = (call, signal) => {
      calls.push(call);
      return open(call, signal);
    };
    const source = setUp([fakeUpstream('a', cyrillic), b], both, { maxTokens: 20 }).open();
    expect((await drain(source)).at(-1)).toEqual(finish);
    expect(calls).toMatchObject([{ request: { maxTokens: 18 } }]);
    expect(source.completionTokens()).toBeGreaterThan(20);
  });

  it('delivers no token of a target that only showed where the answer ends', async () => {
    const held = fakeUpstream('b', [text('!'), text(' and more'), finish], { takeover: () => 'prefix' });
    const stopped = setUp([fakeUpstream('a', cut), held], both, { stop: ['lo!'] }).open();
    expect((await drain(stopped)).at(-1)).toEqual(finish);
    expect(stopped.completionTokens()).toBe(2);
    const longer = fakeUpstream('b', [text(' world'), finish], { takeover: () => 'prefix' });
    const spent = setUp([fakeUpstream('a', cut), longer], both, { maxTokens: 2 }).open();
    expect((await drain(spent)).at(-1)).toEqual([{ type: 'finish', choice: 0, reason: 'length' }]);
    expect(spent.completionTokens()).toBe(2);
  });

  it('never follows output that our stream does not name, or reasoning after the text', async () => {
    const image: EventBatch = [{ type: 'other-delta', choice: 0, field: 'images', value: '[1]' }];
    const late: EventBatch = [{ type: 'reasoning-delta', choice: 0, json: jsonText('late') }];
    for (const other of [image, late]) {
      for (const asked of [{ temperature: 0 }, { maxTokens: 2 }]) {
        const b = fakeUpstream('b', [text('Hello'), other, text('!'), finish], { takeover: () => 'prefix' });
        const a = fakeUpstream('a', [text('Hel'), other, text('lo'), fails('upstream_cut')]);
        const batches = await drain(setUp([a, b], both, asked).open());
        expect(batches).toMatchObject([text('Hel'), other, text('lo'), [{ type: 'failed' }]]);
        expect(b.opened).toBe(0);
      }
    }
  });

  it('by prefix passes on the reasoning with which the target begins', async () => {
    const thought: EventBatch = [{ type: 'reasoning-delta', choice: 0, json: jsonText('hm') }];
    for (const stop of [[], ['lo!']]) {
      const b = fakeUpstream('b', [thought, text(' world'), finish], { takeover: () => 'prefix' });
      const batches = await drain(setUp([fakeUpstream('a', cut), b], both, { stop }).open());
      expect(batches.slice(2).flat()).toEqual([...thought, ...text(' world'), ...finish]);
    }
  });

  it('also follows a stall, and an end without a finish', async () => {
    const silent = setUp(
      [
        fakeUpstream('a', [text('Hel'), Number.POSITIVE_INFINITY]),
        fakeUpstream('b', [text('Hello'), finish]),
      ],
      both,
      { seed: 1 },
    );
    const done = drain(silent.open());
    await vi.advanceTimersByTimeAsync(timeouts.stallMs);
    expect(await done).toEqual([text('Hel'), text('lo'), finish]);
    const ended = setUp(
      [fakeUpstream('a', [text('Hel')]), fakeUpstream('b', [text('Hello'), finish])],
      both,
      { seed: 1 },
    );
    expect(await drain(ended.open())).toEqual([text('Hel'), text('lo'), finish]);
  });

  it('asks the next target when a replay diverges, and ends in the first failure when no target is left', async () => {
    const three = { main: model({ targets: [target('a'), target('b', 1), target('c', 2)] }) };
    const b = fakeUpstream('b', [text('Help'), finish]);
    const good = setUp([fakeUpstream('a', cut), b, fakeUpstream('c', [text('Hello!'), finish])], three, {
      temperature: 0,
    });
    expect(await drain(good.open())).toEqual([text('Hel'), text('lo'), text('!'), finish]);
    const bad = setUp([fakeUpstream('a', cut), b], both, { temperature: 0 });
    expect(await drain(bad.open())).toEqual([text('Hel'), text('lo'), fails('upstream_cut')]);
  });

  it.each<[string, Partial<ChatRequest>, readonly (EventBatch | number)[]]>([
    ['that is not repeatable', {}, cut],
    ['of several choices', { n: 2, temperature: 0 }, cut],
    [
      'whose tool calls have begun',
      { temperature: 0 },
      [[{ type: 'tool-call-start', choice: 0, index: 0, id: 'c', name: 'f' }], fails('upstream_cut')],
    ],
  ])('is not tried for a request %s', async (_, asked, steps) => {
    const b = fakeUpstream('b', [text('Hello'), finish]);
    const batches = await drain(setUp([fakeUpstream('a', steps), b], both, asked).open());
    expect(batches.at(-1)).toEqual(fails('upstream_cut'));
    expect(b.opened).toBe(0);
  });

  it('finishes with length at once when max_tokens tokens have been delivered', async () => {
    const b = fakeUpstream('b', [text('Hello'), finish]);
    const counted: EventBatch = [{ type: 'text-delta', choice: 0, json: jsonText('Hello'), tokens: 2 }];
    const asked = { temperature: 0, maxTokens: 2 };
    const batches = await drain(
      setUp([fakeUpstream('a', [counted, fails('upstream_cut')]), b], both, asked).open(),
    );
    expect(batches.at(-1)).toEqual([{ type: 'finish', choice: 0, reason: 'length' }]);
    expect(b.opened).toBe(0);
    // A delta is not a counted token: where no target counted, the answer stays cut.
    const guessed = await drain(setUp([fakeUpstream('a', cut)], both, { ...asked, temperature: 1 }).open());
    expect(guessed.at(-1)).toEqual(fails('upstream_cut'));
  });

  it('reports the prompt of the first target, and the completion of the one that ended the answer, once', async () => {
    const usage = (promptTokens: number, completionTokens: number): EventBatch => [
      { type: 'usage', usage: { promptTokens, completionTokens } },
    ];
    const early = fakeUpstream('a', [text('Hel'), usage(11, 1), fails('upstream_cut')]);
    const b = fakeUpstream('b', [text('Hello'), usage(12, 2), finish]);
    const batches = await drain(setUp([early, b], both, { temperature: 0 }).open());
    expect(batches.flat().filter((event) => event.type === 'usage')).toEqual(usage(11, 2));
    expect(batches.flat().at(-1)).toEqual(finish[0]);
    // The completion of the target that was cut counts half of the answer.
    const silent = setUp([early, fakeUpstream('b', [text('Hello'), finish])], both, {
      temperature: 0,
    }).open();
    expect((await drain(silent)).flat().filter((event) => event.type === 'usage')).toEqual(usage(11, 0));
  });

  it('is not tried for a failure of the content policy', async () => {
    const refused = fakeUpstream('a', [text('Hel'), fails('content_policy_violation')]);
    const b = fakeUpstream('b', [text('Hello'), finish]);
    const batches = await drain(setUp([refused, b], both, { temperature: 0 }).open());
    expect(batches.at(-1)).toEqual(fails('content_policy_violation'));
    expect(b.opened).toBe(0);
  });

  it('by prefix is never tried at an upstream that does not declare it', async () => {
    const configured = { main: model({ targets: [target('a'), { ...target('b', 1), takeover: 'prefix' }] }) };
    const b = fakeUpstream('b', [text('Something else'), finish]);
    const batches = await drain(setUp([fakeUpstream('a', cut), b], configured).open());
    expect(batches.at(-1)).toEqual(fails('upstream_cut'));
    expect(b.opened).toBe(0);
  });

  it('by prefix is tried at an unknown server only where the operator configured it', async () => {
    for (const configured of [true, false]) {
      const second = configured ? { ...target('b', 1), takeover: 'prefix' as const } : target('b', 1);
      const models = { main: model({ targets: [target('a'), second] }) };
      const b = fakeUpstream('b', [text('lo'), finish], { takeover: () => 'if-configured' });
      const batches = await drain(setUp([fakeUpstream('a', cut), b], models).open());
      expect(batches.at(-1)).toEqual(configured ? finish : fails('upstream_cut'));
      expect(b.opened).toBe(configured ? 1 : 0);
    }
  });

  it('has the long stall timeout when no further target is left', async () => {
    const b = fakeUpstream('b', [text('Hello'), timeouts.stallMs + 1, text('!'), finish]);
    const done = drain(setUp([fakeUpstream('a', cut), b], both, { temperature: 0 }).open());
    await vi.advanceTimersByTimeAsync(timeouts.stallMs + 1);
    expect((await done).at(-2)).toEqual(text('!'));
  });

  it('asks the next target when one refuses the call of the takeover', async () => {
    const three = { main: model({ targets: [target('a'), target('b', 1), target('c', 2)] }) };
    const b = fakeUpstream('b', [fails('invalid_value')]);
    const good = setUp([fakeUpstream('a', cut), b, fakeUpstream('c', [text('Hello!'), finish])], three, {
      temperature: 0,
    });
    expect((await drain(good.open())).at(-2)).toEqual(text('!'));
  });

  it('that diverges does not count against the target’s health', async () => {
    const { open, health } = setUp(
      [fakeUpstream('a', cut), fakeUpstream('b', [text('Help'), finish])],
      both,
      {
        temperature: 0,
      },
    );
    for (let i = 0; i < 3; i += 1) await drain(open());
    const of = (name: string) => {
      const upstream = fakeUpstream(name, []);
      return health.describe({
        name: `${name}/m`,
        upstream,
        model: 'm',
        priority: 0,
        weight: 1,
        takeover: undefined,
      });
    };
    expect([of('a').recentFailures, of('b').recentFailures]).toEqual([3, 0]);
  });
});

describe('a very large batch', () => {
  it.each([true, false])('stays one batch: stream %s', async (stream) => {
    // More events than a call can have arguments.
    const many = Array.from({ length: 200_000 }, () => text('a')).flat();
    const models = { main: model({ targets: [target('a')] }) };
    const source = setUp([fakeUpstream('a', [many, finish])], models, { stream }).open();
    const emitted = (await drain(source)).flat();
    expect(emitted.map((event) => ('json' in event ? event.json.length : 0)).reduce((a, b) => a + b)).toBe(
      200_000,
    );
    expect(emitted.at(-1)).toMatchObject({ type: 'finish' });
  });
});

describe('an answer that does not stream', () => {
  it('commits when it is complete: after a cut in its middle another target is asked', async () => {
    const a = fakeUpstream('a', [text('Hel'), fails('upstream_cut')]);
    const b = fakeUpstream('b', [text('Some'), text('thing'), finish]);
    const models = { main: model({ targets: [target('a'), target('b', 1)] }) };
    const source = setUp([a, b], models, { stream: false }).open();
    const [whole] = text('Something');
    expect(await drain(source)).toEqual([[{ ...whole, tokens: 2 }, ...finish]]);
    expect(source.served()).toEqual({ target: 'b/m' });
  });

  it('ends in the last failure when no attempt completes', async () => {
    const models = { main: model({ targets: [target('a')] }) };
    const source = setUp([fakeUpstream('a', [text('Hel')])], models, { stream: false }).open();
    expect(await drain(source)).toMatchObject([[{ failure: { code: 'upstream_cut' } }]]);
  });
});
