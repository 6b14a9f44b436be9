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

test('OpenAI’s own way to stream breaks no rule of its form: usage apart, null before it, and fields that others lack', async () => {
  const recording = await recordProbes((name, request) => {
    const answer = healthyAnswer(name, request);
    if (answer.headers['transfer-encoding'] !== 'chunked') return answer;
    const asksForUsage = request.body?.includes('"include_usage":true') === true;
    const usage = / *,"usage":(\{[^}]*\})/;
    const counted = usage.exec(answer.writes.join(''))?.[1];
    const apart = `data: {"id":"ID","object":"chat.completion.chunk","created":1700000000,"model":"river-1","service_tier":"default","choices":[],"usage":${counted}}\n\n`;
    return {
      ...answer,
      writes: answer.writes.map((text) => {
        const id = /"id":"(chatcmpl-[^"]*)"/.exec(text)?.[1] ?? '';
        return text
          .replace(usage, '')
          .replaceAll('"content":""', '"content":"","refusal":null')
          .replaceAll(
            /(?<=finish_reason":[^}]*\}\])\}\n/g,
            `,"obfuscation":"x"${asksForUsage ? ',"usage":null' : ''}}\n`,
          )
          .replace(
            /(?=data: \[DONE\])/,
            asksForUsage && counted !== undefined ? apart.replace('ID', id) : '',
          );
      }),
    };
  });
  const results = judgeRecording(rules, recording).filter(({ set }) => set === 'openai');
  const broken = results.filter(({ verdict }) => verdict === 'fail' || verdict === 'warn');
  expect(broken.map(({ id, seen }) => ({ id, seen }))).toEqual([]);
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
