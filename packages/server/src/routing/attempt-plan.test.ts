import { expect, it } from 'vitest';
import type { ModelConfig, TimeoutsConfig } from '../config/config.ts';
import type { ChatRequest } from '../domain/chat-request.ts';
import { failure } from '../domain/failure.ts';
import { type Feature, features } from '../domain/requirements.ts';
import type { Upstream } from '../upstreams/contract.ts';
import { planAttempts } from './attempt-plan.ts';
import { createCatalogue, type Model } from './catalogue.ts';

const request = { temperature: 1.5 } as ChatRequest;

function upstream(name: string, extra: Partial<Upstream> = {}): Upstream {
  return {
    name,
    firstTokenClock: 'call',
    capabilities: () => new Set(features),
    contextLength: () => undefined,
    open: () => {
      throw new Error('a plan opens nothing');
    },
    ...extra,
  };
}

/** Refuses temperatures above 1, as Claude does. */
const cool = upstream('cool', {
  refuses: ({ temperature = 1 }, model) =>
    temperature > 1
      ? failure('unsupported_parameter', `${model} wants less`, { param: 'temperature' })
      : undefined,
});
const warm = upstream('warm');
const mute = upstream('mute', { capabilities: () => new Set<Feature>() });

/** Names of the targets of each group, or the failure. */
function plan(
  upstreams: readonly Upstream[],
  fallbacks: readonly Upstream[],
  asked: {
    readonly request?: ChatRequest;
    readonly needs?: readonly Feature[];
    readonly allowed?: readonly string[];
  } = {},
) {
  const config = (names: readonly Upstream[], ids: readonly string[]): ModelConfig => ({
    aliases: [],
    targets: names.map(({ name }) => ({ upstream: name, model: 'm', priority: 0, weight: 1 })),
    balance: 'weight',
    fallbacks: ids,
    timeouts: {},
  });
  const catalogue = createCatalogue(
    new Map([
      ['main', config(upstreams, ['spare'])],
      ['spare', config(fallbacks, [])],
    ]),
    new Map([...upstreams, ...fallbacks].map((one) => [one.name, one])),
    {} as TimeoutsConfig,
  );
  const main = catalogue.find('main');
  if (main === undefined) throw new Error('no main model');
  const requirements = (asked.needs ?? []).map((feature) => ({ feature, param: feature }));
  const { allowed } = asked;
  const rights = allowed === undefined ? undefined : { allows: ({ id }: Model) => allowed.includes(id) };
  const planned = planAttempts(main, { request: asked.request ?? request, requirements }, catalogue, rights);
  return planned.ok ? planned.value.map((group) => group.map(({ target }) => target.name)) : planned.failure;
}

it('a target that refuses a value is left out, like one that lacks the feature', () => {
  expect(plan([cool, warm, mute], [], { needs: ['temperature'] })).toEqual([['warm/m']]);
  const mild = { temperature: 0.5 } as ChatRequest;
  expect(plan([cool, warm], [], { request: mild })).toEqual([['cool/m', 'warm/m']]);
});

it('the targets of fallbacks are checked too: the only one that takes the value is left', () => {
  expect(plan([cool], [warm])).toEqual([['warm/m']]);
  expect(plan([warm], [cool])).toEqual([['warm/m']]);
});

it('when all targets refuse, the failure of the first one is reported', () => {
  expect(plan([cool], [mute], { needs: ['tools'] })).toEqual({
    code: 'unsupported_parameter',
    message: 'm wants less',
    param: 'temperature',
  });
  expect(plan([mute], [cool], { needs: ['tools'] })).toMatchObject({
    code: 'unsupported_parameter',
    message: "'tools' is not supported by the model 'main'. Leave it out, or use another model.",
  });
});

it('the values of a request are checked only at a target that has the features', () => {
  const picky = upstream('picky', {
    capabilities: () => new Set<Feature>(),
    refuses: () => {
      throw new Error('asked');
    },
  });
  expect(plan([picky], [], { needs: ['tools'] })).toMatchObject({ param: 'tools' });
});

it('a fallback that the sender may not use is left out', () => {
  const cold = { request: {} as ChatRequest };
  expect(plan([cool], [warm], { ...cold, allowed: ['main', 'spare'] })).toEqual([['cool/m'], ['warm/m']]);
  expect(plan([cool], [warm], { ...cold, allowed: ['main'] })).toEqual([['cool/m']]);
});
