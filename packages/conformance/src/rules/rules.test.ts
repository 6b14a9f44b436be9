import { expect, test } from 'vitest';
import { judgeRecording } from '../check.ts';
import { type Fault, openaiFaults, tailraceFaults } from '../testing/faults.ts';
import { healthyAnswer } from '../testing/healthy-endpoint.ts';
import { recordProbes } from '../testing/record-probes.ts';
import type { WrittenAnswer } from '../testing/written-answer.ts';
import type { Exchange } from '../wire/exchange.ts';
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

/** What rules say of the healthy endpoint, with an edit of some of its answers. */
async function verdictsWith(edit: (name: string, answer: WrittenAnswer) => WrittenAnswer) {
  const recording = await recordProbes((name, request) => edit(name, healthyAnswer(name, request)));
  return new Map(judgeRecording(rules, recording).map(({ id, verdict }) => [id, verdict]));
}

test('a limit of requests is no refusal of what was asked', async () => {
  const limited = [
    'neutral-values',
    'content-parts',
    'developer-role',
    'tool-result',
    'bad-key',
    'unknown-url',
  ];
  const verdicts = await verdictsWith((name, answer) =>
    limited.includes(name) || name.startsWith('bad-model')
      ? { ...healthyAnswer('parallel/3', { method: 'POST', path: '', headers: {} }), status: 429 }
      : answer,
  );
  for (const rule of [...limited, 'unknown-model'])
    expect([rule, verdicts.get(`openai/${rule}`)]).toEqual([rule, 'not-applicable']);
});

test('an unknown finish reason is found in an answer without a stream too', async () => {
  const verdicts = await verdictsWith((name, answer) =>
    name === 'plain'
      ? { ...answer, writes: answer.writes.map((text) => text.replace('"stop"', '"eos"')) }
      : answer,
  );
  expect(verdicts.get('openai/finish-known')).toBe('fail');
});

test('a connection that answers the next request is reused, also where it has no list of models', async () => {
  const verdicts = await verdictsWith((name, answer) =>
    name === 'stream/next' ? { ...answer, status: 404 } : answer,
  );
  expect(verdicts.get('openai/reuse')).toBe('pass');
});

test('usage that counts one token of an answer that max_tokens ended is not plausible', async () => {
  const verdicts = await verdictsWith((name, answer) =>
    name === 'length/stream'
      ? {
          ...answer,
          writes: answer.writes.map((text) =>
            text.replace(
              '"completion_tokens":4,"total_tokens":16',
              '"completion_tokens":1,"total_tokens":13',
            ),
          ),
        }
      : answer,
  );
  expect(verdicts.get('openai/usage-plausible')).toBe('fail');
});

test('usage of two choices is judged where max_tokens has its newer name', async () => {
  const recording = new Map(await recordProbes(healthyAnswer));
  const choices = recording.get('choices');
  if (choices === undefined) throw new Error('no choices');
  const body = choices.request.body?.replace('"max_tokens"', '"max_completion_tokens"') ?? '';
  recording.set('choices', { ...choices, request: { ...choices.request, body } });
  const rule = rules.filter(({ id }) => id === 'usage-choices');
  expect(judgeRecording(rule, recording)[0]?.verdict).toBe('pass');
});

test('chunks that a fast server writes one by one are not called held back, though they share a read', async () => {
  const recording = new Map(await recordProbes(healthyAnswer));
  for (const [name, exchange] of recording) {
    if (exchange.response === undefined) continue;
    const pieces = exchange.response.pieces.map((piece) => ({ ...piece, read: 1 }));
    recording.set(name, { ...exchange, response: { ...exchange.response, pieces } });
  }
  const rule = rules.filter(({ id }) => id === 'incremental');
  expect(judgeRecording(rule, recording)[0]?.verdict).toBe('not-applicable');
});

/** As the timeout leaves it: the first half of the answer, without its end. */
function cutByTimeout(exchange: Exchange): Exchange {
  const { endMs: _end, endRead: _read, ...response } = exchange.response ?? { pieces: [] };
  const pieces = response.pieces.slice(0, Math.floor(response.pieces.length / 2));
  const rest = 'status' in response ? { response: { ...response, pieces } } : {};
  return { ...exchange, ...rest, end: 'timeout', problem: 'no end within 60 s' };
}

test('an answer that the timeout has cut breaks no rule, whichever it is; a rule without another one is too slow', async () => {
  const recording = await recordProbes(healthyAnswer);
  for (const [name, exchange] of recording) {
    const results = judgeRecording(rules, new Map([...recording, [name, cutByTimeout(exchange)]]));
    const broken = results.filter(({ verdict }) => verdict === 'fail' || verdict === 'warn');
    expect([name, broken.map(({ id, seen }) => [id, seen])]).toEqual([name, []]);
  }
  const slow = new Map([...recording].map(([name, exchange]) => [name, cutByTimeout(exchange)]));
  const others = judgeRecording(rules, slow).filter(({ verdict }) => verdict !== 'too-slow');
  expect(others.map(({ id, verdict }) => [id, verdict])).toEqual([]);
});

test('a stream that says [DONE] and does not end is broken, not slow', async () => {
  const recording = new Map(await recordProbes(healthyAnswer));
  const stream = recording.get('stream');
  if (stream === undefined) throw new Error('no stream');
  recording.set('stream', { ...stream, end: 'timeout', problem: 'no end within 60 s' });
  const rule = rules.filter(({ id }) => id === 'body-whole');
  expect(judgeRecording(rule, recording)[0]?.verdict).toBe('fail');
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
