import { expect, test } from 'vitest';
import type { Attempt, Story } from './lab-api.ts';
import { storySteps } from './story-steps.ts';

const attempt = (target: string, more: Partial<Attempt>): Attempt => ({
  ...{
    target,
    mode: 'first',
    outcome: 'failed',
    failure: null,
    asked_ms: 0,
    ended_ms: 10,
    delivered_tokens: 0,
  },
  ...more,
});
const told = (...args: Parameters<typeof storySteps>) =>
  storySteps(...args).map(({ text, code }) => (code === undefined ? text : `${text} ${code}`));
const whole = { kind: 'whole' } as const;

test('a retry, then a failover', () => {
  const story: Story = {
    ended: true,
    attempts: [
      attempt('a', { failure: 'upstream_refused' }),
      attempt('a', { failure: 'upstream_refused', asked_ms: 500 }),
      attempt('b', { outcome: 'served', delivered_tokens: 1 }),
    ],
  };
  expect(told(story, undefined, whole)).toEqual([
    'The first target is asked.',
    'It failed before its first word: upstream_refused',
    'Retry: it is asked again.',
    'It failed before its first word: upstream_refused',
    'Failover: the next one is asked.',
    'It answered: 1 token.',
    'You have the whole answer.',
  ]);
});

test('a takeover while it runs, and a connection that was picked up', () => {
  const story: Story = {
    ended: false,
    attempts: [
      attempt('a', { failure: 'upstream_cut', delivered_tokens: 3 }),
      attempt('b', { mode: 'prefix', outcome: 'served', ended_ms: null }),
    ],
  };
  expect(told(story, { times: 1, afterMs: 420, isComplete: true }, undefined)).toEqual([
    'The first target is asked.',
    'It failed after 3 tokens: upstream_cut',
    'Takeover: the next one goes on behind 3 tokens.',
    'It answers.',
    'Your connection broke and was picked up after 420 ms, nothing lost.',
  ]);
});

test('what only a record tells says no more than the record', () => {
  const unknown = { mode: null, failure: null, asked_ms: null, ended_ms: null, delivered_tokens: null };
  const story: Story = {
    ended: true,
    attempts: [attempt('a', unknown), attempt('b', { ...unknown, outcome: 'served' })],
  };
  expect(told(story, undefined, { kind: 'error-event', code: 'upstream_cut' })).toEqual([
    'The first target is asked.',
    'It failed.',
    'The next one is asked.',
    'It answered.',
    'The stream ends in an error event, not in a finish: upstream_cut',
  ]);
});

test('before anything is known, there is nothing to tell', () => {
  expect(told(undefined, undefined, undefined)).toEqual([]);
});
