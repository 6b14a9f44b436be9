import { describe, expect, test } from 'vitest';
import { failure } from '../domain/failure.ts';
import { resultOf, type TaskFailures } from './task-result.ts';

const failures: TaskFailures = {
  late: (limitMs) => failure('deadline_exceeded', `over ${limitMs} ms`),
  died: (why) => failure('internal_error', 'died', { wording: why }),
  full: 'too many wait',
  unserved: 'no turn',
  spent: (seconds) => `again in ${seconds} s`,
  dropped: 'given up',
  closed: 'closed',
};

describe('the result of a task', () => {
  test('is its answer where there is one', () => {
    expect(resultOf({ type: 'done', answer: 5 }, failures)).toEqual({ ok: true, value: 5 });
  });

  test.each([
    [
      { type: 'late', limitMs: 300 },
      { code: 'deadline_exceeded', message: 'over 300 ms' },
    ],
    [
      { type: 'died', why: 'out of memory' },
      { code: 'internal_error', wording: 'out of memory' },
    ],
    [
      { type: 'full' },
      { code: 'overloaded', message: 'too many wait', retryAfterMs: 1_000, blameless: true },
    ],
    [{ type: 'unserved' }, { code: 'overloaded', message: 'no turn', retryAfterMs: 1_000, blameless: true }],
    [
      { type: 'spent', retryAfterMs: 4_200 },
      { code: 'overloaded', message: 'again in 5 s', retryAfterMs: 4_200, blameless: true },
    ],
    [{ type: 'dropped' }, { code: 'draining', message: 'given up' }],
    [{ type: 'closed' }, { code: 'draining', message: 'closed', blameless: true }],
  ] as const)('is a failure for %j', (outcome, expected) => {
    expect(resultOf(outcome, failures)).toMatchObject({ ok: false, failure: expected });
  });

  test('names the slow field of a key whose time is spent, and of no other', () => {
    const named = { ...failures, slowField: 'tools' };
    expect(resultOf({ type: 'spent', retryAfterMs: 1 }, named)).toMatchObject({
      failure: { param: 'tools' },
    });
    for (const result of [
      resultOf({ type: 'spent', retryAfterMs: 1 }, failures),
      resultOf({ type: 'full' }, named),
    ]) {
      expect(!result.ok && 'param' in result.failure).toBe(false);
    }
  });
});
