import { describe, expect, test, vi } from 'vitest';
import { createMessageDialect } from '../../anthropic/stream.ts';
import { createContentDialect } from '../../gemini/stream.ts';
import { createChatDialect } from '../../openai/stream.ts';
import type { Dialect, DialectOutput } from './dialect.ts';
import { answerBeyondBounds, eventBeyondBounds } from './json-bounds.ts';
import { createTranslation } from './translation.ts';

const fields = (count: number) => `[${Array.from({ length: count }, (_, at) => `{"a${at}":1}`).join(',')}]`;
const values = (count: number) => `[${'0,'.repeat(count - 1)}0]`;
const deep = (levels: number) => '['.repeat(levels) + ']'.repeat(levels);
const padded = (json: string) => `{"pad":"${'x'.repeat(64 * 1024)}","x":${json}}`;

describe('an event', () => {
  test.each([
    ['fields', fields(10_001)],
    ['values', values(50_001)],
    ['levels', deep(1_000)],
  ])('with too many %s is not parsed, in any dialect', (_, json) => {
    const event = padded(json);
    expect(eventBeyondBounds(event)?.code).toBe('upstream_protocol');
    const errors = () => ({ hidden: [], nowMs: 0 });
    const finishReasons = {};
    const dialects: readonly ((output: DialectOutput) => Dialect)[] = [
      (output) => createChatDialect({ errors, completionId: 'c', choices: 1, finishReasons }, output),
      (output) => createMessageDialect({ errors, completionId: 'c' }, output),
      (output) =>
        createContentDialect({ errors, completionId: 'c', choices: 1, parallelToolCalls: true }, output),
    ];
    for (const dialect of dialects) {
      const translation = createTranslation({ dialect, maxEventBytes: 1024 * 1024 });
      const parser = vi.spyOn(JSON, 'parse');
      const batch = translation.push(Buffer.from(`data: ${event}\n\n`));
      const texts = parser.mock.calls.map(([text]) => text);
      parser.mockRestore();
      expect(texts).not.toContain(event);
      expect(batch).toMatchObject([{ type: 'failed', failure: { code: 'upstream_protocol' } }]);
    }
  });

  test('within the bounds is parsed, and so is any small event', () => {
    for (const json of [fields(9_990), values(49_990), deep(999)]) {
      expect(eventBeyondBounds(padded(json))).toBeUndefined();
    }
    expect(eventBeyondBounds(deep(32 * 1024))).toBeUndefined();
  });
});

test('a whole answer has bounds of its own, and its failure names the one that it exceeds', () => {
  expect(answerBeyondBounds(Buffer.from(fields(25_000)))).toBeUndefined();
  expect(answerBeyondBounds(Buffer.from(fields(25_001)))?.message).toContain('more than 25000 fields');
  expect(answerBeyondBounds(Buffer.from(values(100_001)))?.message).toContain('more than 100000 values');
  expect(answerBeyondBounds(Buffer.from(deep(2_000_000)))?.message).toContain('deeper than 1000 levels');
});
