import { jsonText } from '@tailrace/protocol';
import { afterEach, describe, expect, test } from 'vitest';
import type { JsonValue } from '../domain/json.ts';
import type { ThreadOutcome } from '../worker/killable-thread.ts';
import {
  createValidationThread,
  type ValidationFinding,
  type ValidationThread,
  type ValidationThreadOptions,
} from './validation-thread.ts';

const { signal } = new AbortController();
let thread: ValidationThread | undefined;
afterEach(() => thread?.close());

function start(options: ValidationThreadOptions = {}) {
  const started = createValidationThread({ taskMs: 5_000, ...options });
  thread = started;
  return async (schema: JsonValue, answer?: string, keyId = 'k') => {
    const outcome = await started.run(
      {
        schema: JSON.stringify(schema),
        ...(answer === undefined ? {} : { answer: jsonText(answer) }),
        keyId,
      },
      { keyId, signal },
    );
    return findingOf(outcome);
  };
}

/** The finding, or why there is none. */
function findingOf(outcome: ThreadOutcome<ValidationFinding>) {
  return outcome.type === 'done' ? outcome.answer : outcome;
}

const exponential = {
  $defs: {
    n: {
      anyOf: [
        { items: { $ref: '#/$defs/n' }, minItems: 1 },
        { items: { $ref: '#/$defs/n' }, maxItems: 9 },
      ],
    },
  },
  allOf: [{ $ref: '#/$defs/n' }, { const: 1 }],
};

describe('the validation thread', () => {
  test('validates escaped answers', async () => {
    const ask = start();
    const schema = { type: 'object', properties: { a: { const: 'ä"\n😀' } }, required: ['a'] };
    expect(await ask(schema)).toEqual({ type: 'right' });
    expect(await ask(schema, '{"a": "ä\\"\\n😀"}')).toEqual({ type: 'right' });
    expect(await ask(schema, '{"a": 1}')).toMatchObject({ type: 'breach', breach: { pointer: '/a' } });
    expect(await ask(schema, '{"a": ')).toEqual({ type: 'not-json' });
    expect(await ask({ type: 5 }, '{}')).toMatchObject({ type: 'schema', problem: { at: ['type'] } });
  });

  test('answers each task in its turn', async () => {
    const ask = start();
    const findings = await Promise.all(
      Array.from({ length: 50 }, (_, index) =>
        ask({ const: index }, String(index % 2 === 0 ? index : 'null')),
      ),
    );
    expect(findings.map(({ type }) => type)).toEqual(
      Array.from({ length: 50 }, (_, index) => (index % 2 === 0 ? 'right' : 'breach')),
    );
  });

  test.each<[string, JsonValue, string]>([
    ['a pattern that backtracks without end', { pattern: '^(a+)+$' }, JSON.stringify(`${'a'.repeat(40)}!`)],
    ['a union that doubles with each level', exponential, `${'['.repeat(40)}0${']'.repeat(40)}`],
  ])('ends with %s, and a new thread validates the next answer', async (_name, schema, answer) => {
    const ask = start({ taskMs: 300 });
    const [slow, next] = await Promise.all([ask(schema, answer), ask({ type: 'number' }, '5')]);
    expect([slow.type, next.type]).toEqual(['late', 'right']);
  });

  test('finds an answer that nests deeper than its stack undecided', async () => {
    const ask = start();
    const schema = { $defs: { n: { items: { $ref: '#/$defs/n' } } }, $ref: '#/$defs/n' };
    const depth = 200_000;
    const finding = await ask(schema, `${'['.repeat(depth)}${']'.repeat(depth)}`);
    expect(finding.type).toBe('undecided');
    expect((await ask(schema, '[]')).type).toBe('right');
  });

  test('gives up a task whose turn does not come in time', async () => {
    const ask = start({ taskMs: 400, waitMs: 100 });
    await ask(true);
    const evil = ask({ pattern: '^(a+)+$' }, JSON.stringify(`${'a'.repeat(40)}!`));
    expect((await ask(true, '1')).type).toBe('unserved');
    expect((await evil).type).toBe('late');
    expect((await ask(true, '1')).type).toBe('right');
  });

  test('refuses tasks beyond its queue', async () => {
    const ask = start();
    const findings = await Promise.all(Array.from({ length: 400 }, () => ask(true, '1')));
    const types = new Set(findings.map(({ type }) => type));
    expect(types).toEqual(new Set(['right', 'full']));
  });

  test('starts again after it ended without tasks', async () => {
    const ask = start({ idleMs: 1 });
    for (let turn = 0; turn < 3; turn += 1) {
      expect((await ask(true, '1')).type).toBe('right');
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  });

  describe('between keys', () => {
    const evil = { pattern: '^(a+)+$' };
    const evilAnswer = JSON.stringify(`${'a'.repeat(40)}!`);

    test('a key that sends many endless patterns delays another key by the task that runs only', async () => {
      const ask = start({ taskMs: 300 });
      await ask(true);
      const flood = Array.from({ length: 40 }, () => ask(evil, evilAnswer, 'evil'));
      let late = 0;
      for (const asked of flood) void asked.then(({ type }) => (late += type === 'late' ? 1 : 0));
      for (let round = 1; round <= 2; round++) {
        expect(await ask({ type: 'number' }, '5', 'other')).toEqual({ type: 'right' });
        expect(late).toBeLessThanOrEqual(round);
      }
      await thread?.close();
    });

    test('a key that used up its time is refused with the time to wait, and other keys are served', async () => {
      const ask = start({ taskMs: 400, budget: { freeMs: 50, burstMs: 600, refill: 0.01 } });
      const flood = await Promise.all(Array.from({ length: 40 }, () => ask(evil, evilAnswer, 'evil')));
      expect(flood.filter(({ type }) => type === 'late').length).toBeLessThanOrEqual(3);
      expect(flood.at(-1)).toEqual({ type: 'spent', retryAfterMs: expect.any(Number) });
      expect(await ask(true, '1', 'evil')).toMatchObject({ type: 'spent' });
      expect(await ask(true, '1', 'other')).toEqual({ type: 'right' });
    });

    test('a queue that one key fills has a place for a task of another key', async () => {
      const ask = start();
      const flood = Array.from({ length: 400 }, () => ask(true, '1', 'many'));
      expect(await ask(true, '1', 'one')).toEqual({ type: 'right' });
      expect((await Promise.all(flood)).filter(({ type }) => type === 'full').length).toBe(400 - 255);
    });
  });

  test('ends every task when it is closed', async () => {
    const ask = start();
    await ask(true);
    const asked = [ask({ pattern: '^(a+)+$' }, JSON.stringify(`${'a'.repeat(40)}!`)), ask(true, '1')];
    void thread?.close();
    expect((await Promise.all(asked)).map(({ type }) => type)).toEqual(['closed', 'closed']);
  });
});
