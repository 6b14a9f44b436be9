import { expect, test } from 'vitest';
import { type CheckReport, judgeRecording } from '../check.ts';
import { makePlan } from '../plan.ts';
import { redact } from '../redact.ts';
import { rules } from '../rules/rules.ts';
import { openaiFaults } from '../testing/faults.ts';
import { healthyAnswer } from '../testing/healthy-endpoint.ts';
import { recordProbes } from '../testing/record-probes.ts';
import { badge } from './badge.ts';
import { jsonReport } from './json-report.ts';
import { junitReport } from './junit-report.ts';
import { planText, textReport } from './text-report.ts';

/** What the timeout of the check leaves of an exchange. */
const cut = { end: 'timeout', problem: 'no end within 60 s' } as const;

/** The report of the healthy endpoint, with the faults of these rules. */
async function reportWith(...broken: readonly string[]): Promise<CheckReport> {
  const recording = await recordProbes((name, request) =>
    broken.reduce(
      (answer, id) => {
        const [exchange, edit] = openaiFaults[id] ?? [];
        return name === exchange && edit !== undefined ? edit(answer, request) : answer;
      },
      healthyAnswer(name, request),
    ),
  );
  return {
    endpoint: 'http://127.0.0.1:1/v1',
    model: 'river-1\u001b[31m',
    startedAt: '2026-11-29T00:00:00.000Z',
    durationMs: 1_234,
    requests: recording.size,
    tooSlow: [],
    results: judgeRecording(rules, recording),
  };
}

test('the text has failures first, fits its width, and without a colour no control character', async () => {
  const report = await reportWith('request-id', 'characters-whole');
  for (const width of [40, 72, 200]) {
    const text = textReport(report, { width, colour: false });
    expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(
      Math.min(width, 120),
    );
    expect(text.indexOf('openai/characters-whole')).toBeLessThan(text.indexOf('openai/request-id'));
    expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f]/);
  }
  expect(textReport(report, { colour: true })).toContain('\u001b[31mFAIL\u001b[0m');
});

test('JUnit has a case for each rule, a failure for each broken one, and well-formed text', async () => {
  const xml = junitReport(await reportWith('done', 'request-id', 'error-envelope'));
  expect(xml.match(/<testcase /g)?.length).toBe(rules.length);
  expect(xml.match(/<failure /g)?.length).toBe(
    [...xml.matchAll(/ failures="(\d+)"/g)].reduce((sum, [, n]) => sum + Number(n), 0),
  );
  expect(xml).toContain('<system-out>warning');
  expect(xml.replaceAll(/<[^<>]*>/g, '')).not.toMatch(/[<>]|&(?!amp;|lt;|gt;|quot;)/);
});

test('JSON counts the sets apart', async () => {
  const read = JSON.parse(jsonReport(await reportWith('done'))) as {
    counts: Record<string, Record<string, number>>;
  };
  expect(read.counts['openai']).toMatchObject({ fail: 1, warn: 0 });
  // [DONE] is missing there too, and the end of the body has it no more.
  expect(read.counts['tailrace']?.['fail']).toBeGreaterThan(0);
});

test.each([
  [[], 'OpenAI + Tailrace', '#2e7d32'],
  [['request-id'], 'OpenAI', '#9a7500'],
  [['done'], '1 of 76 broken', '#c33d2e'],
])('the badge of %j says %s', async (broken, words, colour) => {
  const svg = badge(await reportWith(...broken));
  expect(svg).toContain(`streams: ${words}`);
  expect(svg).toContain(colour);
});

test('a badge of a part of the rules names no set, and is not green', async () => {
  const report = await reportWith();
  const some = report.results.filter(({ group }) => group === 'answers');
  expect(badge({ ...report, results: some })).toContain('streams: 9 rules only');
  const untried = report.results.map((result) => ({ ...result, verdict: 'not-tried' as const }));
  expect(badge({ ...report, results: untried })).toContain('streams: not judged');
  for (const results of [some, untried]) expect(badge({ ...report, results })).not.toContain('#2e7d32');
  const noStrict = report.results.filter(({ set }) => set === 'openai');
  expect(badge({ ...report, results: noStrict })).toMatch(/streams: OpenAI<.*#2e7d32/s);
});

test('a plan stays in its budget, and leaves out what does not fit', () => {
  const planned = makePlan({ only: [], maxRequests: 10, maxTokens: 100, needsModel: true });
  if (!planned.ok) throw new Error(planned.unknown);
  const { plan } = planned;
  expect(plan.requests + plan.again).toBeLessThanOrEqual(10);
  expect(plan.again).toBeGreaterThan(0);
  expect(plan.tokens).toBeLessThanOrEqual(100);
  expect(plan.probes.reduce((sum, probe) => sum + probe.requests, 0)).toBe(plan.requests);
  expect(plan.leftOut.length).toBeGreaterThan(10);
  expect(planText(plan, {})).toContain('Left out');
  expect(planText(plan, {})).toMatch(/Up to \d+ of them again/);
});

test('a rule whose answers were too slow is counted, skipped, and leaves the badge grey', async () => {
  const recording = new Map(await recordProbes(healthyAnswer));
  for (const [name, exchange] of recording)
    if (name.startsWith('tools/')) recording.set(name, { name, request: exchange.request, ...cut });
  const whole = await reportWith();
  const report = { ...whole, tooSlow: ['tools/stream'], results: judgeRecording(rules, recording) };
  const text = textReport(report, { width: 120, colour: false });
  expect(text).toContain('Not judged, because the timeout cut them: tools/stream.');
  expect(text).toContain('not judged: too slow: no end within 60 s: tools/stream, tools/whole: ');
  const { counts, too_slow: slow } = JSON.parse(jsonReport(report));
  expect([counts.openai.fail, counts.openai.too_slow > 1, slow]).toEqual([0, true, ['tools/stream']]);
  expect(junitReport(report)).toContain('<skipped message="no end within 60 s: tools/stream');
  expect(badge(report)).toContain('rules only');
});

test('--only asks for what its rules need, and knows its words', () => {
  const planned = makePlan({ only: ['openai/stop-string'], needsModel: false });
  expect(planned.ok && planned.plan.probes.map(({ name }) => name)).toEqual(['stream', 'stop']);
  expect(planned.ok && planned.plan.rules.map(({ id }) => id)).toEqual(['stop-string']);
  expect(makePlan({ only: ['stops'], needsModel: false })).toEqual({ ok: false, unknown: 'stops' });
});

test('secrets do not stand in a report, with or without the word before them', () => {
  const hide = redact(['sk-1234567', 'Bearer abcdefgh', undefined, 'x']);
  expect(hide('sk-1234567 abcdefgh Bearer abcdefgh x')).toBe('[secret] [secret] [secret] x');
});

test('a secret is hidden where JSON has escaped it, and where a text was cut inside of it', () => {
  const hide = redact(['sk-"123\\4567']);
  expect(hide(JSON.stringify({ key: 'sk-"123\\4567' }))).toBe('{"key":"[secret]"}');
  expect(hide(JSON.stringify(JSON.stringify({ key: 'sk-"123\\4567' })))).not.toContain('4567');
  expect(hide('status 401: wrong sk-"12…')).toBe('status 401: wrong [secret]…');
  expect(hide('wrong sk-"12')).toBe('wrong [secret]');
  expect(hide('sk-learn, and sk')).toBe('sk-learn, and sk');
});

test('the badge of an endpoint at which nothing could be judged does not say that it is right', async () => {
  const report = await reportWith();
  const results = report.results.map((result) => ({ ...result, verdict: 'not-applicable' as const }));
  expect(badge({ ...report, results })).toContain('streams: not judged');
});
