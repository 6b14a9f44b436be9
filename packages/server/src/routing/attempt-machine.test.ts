import { describe, expect, it } from 'vitest';
import type { ModelConfig, TimeoutsConfig } from '../config/config.ts';
import type { ChatRequest } from '../domain/chat-request.ts';
import { type Failure, failure } from '../domain/failure.ts';
import type { Upstream } from '../upstreams/contract.ts';
import { type AttemptMachine, createAttemptMachine } from './attempt-machine.ts';
import { planAttempts } from './attempt-plan.ts';
import { createCatalogue } from './catalogue.ts';
import { createHealth } from './health.ts';

const timeouts: TimeoutsConfig = {
  connectMs: 1,
  firstTokenMs: 1,
  stallMs: 1,
  totalMs: 1,
  clientWriteMs: 1,
  drainMs: 1,
};
const upstream = (name: string, extra: Partial<Upstream> = {}): Upstream => ({
  name,
  firstTokenClock: 'call',
  capabilities: () => new Set(),
  contextLength: () => undefined,
  open: () => {
    throw new Error('no machine opens anything');
  },
  ...extra,
});
const target = (name: string, priority = 0, weight = 1) => ({ upstream: name, model: 'm', priority, weight });
const model = (fields: Partial<ModelConfig>): ModelConfig => ({
  aliases: [],
  targets: [],
  balance: 'weight',
  fallbacks: [],
  timeouts: {},
  ...fields,
});

interface SetUp {
  readonly models: Record<string, ModelConfig>;
  readonly upstreams?: readonly Upstream[];
  readonly random?: () => number;
  readonly preferred?: string;
}

function setUp({ models, upstreams, random = () => 0, preferred }: SetUp) {
  let nowMs = 0;
  const now = () => nowMs;
  const named = upstreams ?? ['a', 'b', 'c', 'd'].map((name) => upstream(name));
  const catalogue = createCatalogue(
    new Map(Object.entries(models)),
    new Map(named.map((one) => [one.name, one])),
    timeouts,
  );
  const health = createHealth(() => ({ failures: 5, windowMs: 30_000, probeEveryMs: 10_000 }), now);
  const main = catalogue.find('main');
  if (main === undefined) throw new Error('no main model');
  const plan = planAttempts(main, { request: {} as ChatRequest, requirements: [] }, catalogue);
  if (!plan.ok) throw new Error(plan.failure.message);
  const retry = { perTarget: 3, total: 6, backoffMs: 500, honourRetryAfterMs: 5_000 };
  const machine = createAttemptMachine(plan.value, { retry, health, random, now, preferred });
  return {
    machine,
    health,
    catalogue,
    advance: (ms: number) => {
      nowMs += ms;
    },
  };
}

/** Fails every attempt in the same way; returns the targets that were asked, each with its pause, and the last failure. */
function targetsAsked(machine: AttemptMachine, reason: Failure, advance: (ms: number) => void): string[] {
  const asked: string[] = [];
  for (;;) {
    const action = machine.next();
    if (action.type === 'exhausted') return [...asked, action.failure.code];
    const { candidate, afterMs } = action;
    asked.push(`${candidate.target.upstream.name}${afterMs === 0 ? '' : `+${afterMs}`}`);
    advance(afterMs);
    machine.failed(candidate, reason, false);
  }
}

const refused = failure('upstream_refused', 'refused');
const limited = (retryAfterMs: number) => failure('rate_limit_exceeded', 'limited', { retryAfterMs });

describe('after a failure before the commit', () => {
  const two = { main: model({ targets: [target('a'), target('b', 1)] }) };
  const one = { main: model({ targets: [target('a')] }) };
  const spare = {
    main: model({ targets: [target('a')], fallbacks: ['spare'] }),
    spare: model({ targets: [target('b')] }),
  };

  it('another target is asked at once, then the same two again after growing pauses, six attempts in all', () => {
    const { machine, advance } = setUp({ models: two });
    expect(targetsAsked(machine, refused, advance)).toEqual([
      'a',
      'b',
      'a+250',
      'b',
      'a+500',
      'b',
      'upstream_refused',
    ]);
  });

  it('the only target is asked three times, and then the fallback', () => {
    const { machine, advance } = setUp({ models: spare });
    expect(targetsAsked(machine, refused, advance)).toEqual([
      'a',
      'a+250',
      'a+500',
      'b',
      'b+250',
      'b+500',
      'upstream_refused',
    ]);
  });

  it('a short Retry-After is waited for, a long one is not', () => {
    const short = setUp({ models: one });
    expect(targetsAsked(short.machine, limited(4_000), short.advance)).toEqual([
      'a',
      'a+4000',
      'a+4000',
      'rate_limit_exceeded',
    ]);
    const long = setUp({ models: one });
    expect(targetsAsked(long.machine, limited(6_000), long.advance)).toEqual(['a', 'rate_limit_exceeded']);
  });

  it.each([
    failure('first_token_timeout', 'silent'),
    failure('upstream_auth', 'the key is refused'),
    failure('overloaded', 'its queue is full'),
    failure('upstream_refused', 'no such model there', { permanent: true }),
  ])('a target that failed with $code is not asked again', (reason) => {
    const { machine, advance } = setUp({ models: two });
    expect(targetsAsked(machine, reason, advance)).toEqual(['a', 'b', reason.code]);
  });

  it.each(['invalid_value', 'content_policy_violation', 'unsupported_parameter'] as const)(
    'no other target is asked when the caller is at fault: %s',
    (code) => {
      const { machine, advance } = setUp({ models: spare });
      expect(targetsAsked(machine, failure(code, code), advance)).toEqual(['a', code]);
    },
  );

  it('a prompt that is too long is sent only to a fallback with a larger context', () => {
    const tooLong = failure('context_length_exceeded', 'too long');
    const models = {
      main: model({ targets: [target('a')], fallbacks: ['same', 'large'], context: 8_000 }),
      same: model({ targets: [target('b')], context: 8_000 }),
      large: model({ targets: [target('c')], context: 32_000 }),
    };
    const { machine, advance } = setUp({ models });
    expect(targetsAsked(machine, tooLong, advance)).toEqual(['a', 'c', 'context_length_exceeded']);
  });
});

describe('the choice of a target', () => {
  const first = (machine: AttemptMachine) => {
    const action = machine.next();
    return action.type === 'open' ? action.candidate.target.upstream.name : action.failure.code;
  };
  const weighted = { main: model({ targets: [target('a', 0, 1), target('b', 0, 9), target('c', 1, 100)] }) };

  it('is drawn by weight within the lowest priority', () => {
    expect(first(setUp({ models: weighted, random: () => 0.05 }).machine)).toBe('a');
    expect(first(setUp({ models: weighted, random: () => 0.5 }).machine)).toBe('b');
    expect(first(setUp({ models: weighted, random: () => 0.999 }).machine)).toBe('b');
  });

  it('prefers the target that served an earlier turn, but not over one of a lower priority number', () => {
    expect(first(setUp({ models: weighted, preferred: 'a/m', random: () => 0.5 }).machine)).toBe('a');
    expect(first(setUp({ models: weighted, preferred: 'c/m' }).machine)).toBe('a');
  });

  it('is the least busy one with least_busy: by our own open requests and the pressure that the upstream reports', () => {
    const upstreams = [upstream('a', { pressure: () => 3 }), upstream('b'), upstream('c')];
    const models = { main: model({ targets: [target('a'), target('b')], balance: 'least_busy' }) };
    const { machine, health, catalogue } = setUp({ models, upstreams });
    const b = catalogue.find('main')?.targets[1];
    if (b !== undefined) for (let i = 0; i < 2; i += 1) health.begin(b);
    expect(first(machine)).toBe('b');
    const again = setUp({ models, upstreams });
    const busy = again.catalogue.find('main')?.targets[1];
    if (busy !== undefined) for (let i = 0; i < 4; i += 1) again.health.begin(busy);
    expect(first(again.machine)).toBe('a');
  });

  it('leaves out targets with an open breaker; where all are open, the failure has the time until the next probe', () => {
    const { machine, health, catalogue, advance } = setUp({
      models: { main: model({ targets: [target('a')] }) },
    });
    const a = catalogue.find('main')?.targets[0];
    if (a === undefined) throw new Error('no target');
    for (let i = 0; i < 5; i += 1) {
      const request = health.begin(a);
      request.failed();
      request.end('aborted');
    }
    expect(machine.next()).toMatchObject({
      type: 'exhausted',
      failure: { code: 'no_healthy_upstream', retryAfterMs: 10_000 },
    });
    advance(10_000);
    expect(first(machine)).toBe('a');
  });

  it('of a hedge is an untried target, never the one that is asked already', () => {
    const { machine } = setUp({ models: { main: model({ targets: [target('a'), target('b')] }) } });
    machine.next();
    expect(machine.hedge()?.target.upstream.name).toBe('b');
    expect(machine.hedge()).toBeUndefined();
  });
});

describe('a breaker', () => {
  const setUpBreaker = () => {
    let nowMs = 0;
    const health = createHealth(
      () => ({ failures: 3, windowMs: 1_000, probeEveryMs: 500 }),
      () => nowMs,
    );
    const one = { ...target('a'), name: 'a/m', upstream: upstream('a'), takeover: undefined };
    const request = (outcome: 'succeeded' | 'failed') => {
      const begun = health.begin(one);
      begun[outcome]();
      begun.end('aborted');
    };
    return {
      health,
      one,
      request,
      advance: (ms: number) => {
        nowMs += ms;
      },
    };
  };

  it('opens after three failures within the window, and not before', () => {
    const { health, one, request, advance } = setUpBreaker();
    request('failed');
    request('failed');
    advance(1_001);
    request('failed');
    expect(health.admits(one)).toBe(true);
    request('failed');
    request('failed');
    expect(health.admits(one)).toBe(false);
  });

  it('admits one probe, and closes when the probe is answered', () => {
    const { health, one, request, advance } = setUpBreaker();
    for (let i = 0; i < 3; i += 1) request('failed');
    advance(500);
    const probe = health.begin(one);
    expect(health.admits(one)).toBe(false);
    expect(health.describe(one)).toMatchObject({ breaker: 'half-open', inFlight: 1 });
    probe.answered();
    probe.succeeded();
    expect(health.admits(one)).toBe(true);
    probe.end('aborted');
    expect(health.describe(one)).toMatchObject({ breaker: 'closed', inFlight: 0 });
  });

  it('admits a probe each interval though an earlier one hangs; late failures postpone no probe', () => {
    const { health, one, request, advance } = setUpBreaker();
    const late = health.begin(one);
    for (let i = 0; i < 3; i += 1) request('failed');
    advance(400);
    late.failed();
    late.end('aborted');
    expect(health.retryInMs(one)).toBe(100);
    advance(100);
    const hanging = health.begin(one);
    expect(health.retryInMs(one)).toBe(500);
    advance(500);
    health.begin(one).answered();
    hanging.end('aborted');
    expect(health.admits(one)).toBe(true);
  });

  it('stays open for another interval when the probe fails, and admits another probe at once when the probe is abandoned', () => {
    const { health, one, request, advance } = setUpBreaker();
    for (let i = 0; i < 3; i += 1) request('failed');
    advance(500);
    request('failed');
    expect(health.retryInMs(one)).toBe(500);
    advance(500);
    health.begin(one).end('aborted');
    expect(health.admits(one)).toBe(true);
  });
});
