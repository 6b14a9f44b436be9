import { expect, test } from 'vitest';
import { judgeRecording } from '../check.ts';
import { type Fault, openaiFaults, tailraceFaults } from '../testing/faults.ts';
import { healthyAnswer } from '../testing/healthy-endpoint.ts';
import { recordProbes } from '../testing/record-probes.ts';
import { fullId } from './rule.ts';
import { rules } from './rules.ts';

const faults: Readonly<Record<string, Fault>> = Object.fromEntries(
  [['openai', openaiFaults] as const, ['tailrace', tailraceFaults] as const].flatMap(([set, all]) =>
    Object.entries(all).map(([id, fault]) => [`${set}/${id}`, fault]),
  ),
);

const byId = new Map(rules.map((rule) => [fullId(rule), rule]));

test('an endpoint without a fault passes every rule of both sets', async () => {
  const results = judgeRecording(rules, await recordProbes(healthyAnswer));
  const others = results.filter(({ verdict }) => verdict !== 'pass');
  expect(others.map(({ id, verdict, seen, reason }) => ({ id, verdict, seen, reason }))).toEqual([]);
});

test('every rule has a fault, and no two rules share an id', () => {
  expect(Object.keys(faults).sort()).toEqual([...byId.keys()].sort());
  expect(byId.size).toBe(rules.length);
});

test.each(Object.entries(faults))('%s finds its fault', async (id, [exchange, edit]) => {
  const rule = byId.get(id);
  if (rule === undefined) throw new Error(`there is no rule ${id}`);
  const recording = await recordProbes((name, request) => {
    const answer = healthyAnswer(name, request);
    return name === exchange ? edit(answer, request) : answer;
  });
  const [result] = judgeRecording([rule], recording);
  expect(result).toMatchObject({ verdict: rule.severity === 'failure' ? 'fail' : 'warn' });
  const [first] = result?.seen ?? [];
  // What is shown says something, and where.
  expect(first?.seen.length).toBeGreaterThan(2);
  expect(recording.has(first?.exchange ?? '')).toBe(true);
});

test('a rule whose probes were sent names the probes that it needs', async () => {
  const recording = await recordProbes(healthyAnswer);
  for (const rule of rules) {
    const own = new Map([...recording].filter(([name]) => rule.probes.includes(name.split('/')[0] as never)));
    const [result] = judgeRecording([rule], own);
    const rare = ['retry-after', 'comment-text', 'error-event', 'error-last'].includes(rule.id);
    expect({ id: result?.id, verdict: rare ? 'pass' : result?.verdict }).toEqual({
      id: fullId(rule),
      verdict: 'pass',
    });
  }
});
