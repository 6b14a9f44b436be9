import { jsonText } from '@tailrace/protocol';
import { describe, expect, test } from 'vitest';
import { createAnswerGuard, type Passed } from './answer-guard.ts';

const text = (said: string, tokens?: number): Passed => ({
  type: 'text-delta',
  choice: 0,
  json: jsonText(said),
  ...(tokens === undefined ? {} : { tokens }),
});
const finish: Passed = { type: 'finish', choice: 0, reason: 'stop' };

function usageBehind(events: readonly Passed[]) {
  const guard = createAnswerGuard({ choices: 1, json: false, promptTokens: () => 7 }, { pass: () => {} });
  for (const event of [...events, finish]) expect(guard.accept(event)).toBeUndefined();
  return guard.usage;
}

describe('an answer whose target told no usage', () => {
  test('counts a token a delta', () => {
    expect(usageBehind([text('a'), text(' b'), text('')])).toEqual({
      promptTokens: 7,
      completionTokens: 2,
      estimated: true,
    });
  });

  test('counts what deltas say of themselves', () => {
    expect(usageBehind([text('a b', 2), text(' c')])?.completionTokens).toBe(3);
  });

  test('counts pages by their length', () => {
    expect(usageBehind([text('word '.repeat(120))])?.completionTokens).toBe(100);
    expect(usageBehind([text('東京'.repeat(10))])?.completionTokens).toBe(20);
  });
});

test('a JSON answer that never ends is given up before it fills the memory', () => {
  const guard = createAnswerGuard({ choices: 1, json: true, promptTokens: () => 7 }, { pass: () => {} });
  const page = text('0'.repeat(1024 * 1024));
  for (let pages = 0; pages < 16; pages += 1) expect(guard.accept(page)).toBeUndefined();
  expect(guard.accept(page)).toBe('a JSON answer beyond all bounds');
});

describe('an answer whose target told its usage', () => {
  const told = (completionTokens: number, estimated?: true): Passed => ({
    type: 'usage',
    usage: { promptTokens: 9, completionTokens, ...(estimated === undefined ? {} : { estimated }) },
  });

  test('says what it was told', () => {
    expect(usageBehind([text('a'), text(' b'), told(1)])).toEqual({ promptTokens: 9, completionTokens: 1 });
  });

  test('says no less than what came where it was told before the end', () => {
    const usage = { promptTokens: 9, completionTokens: 2, estimated: true };
    expect(usageBehind([text('a'), text(' b'), told(1, true)])).toEqual(usage);
    expect(usageBehind([text('a'), told(2, true)])).toEqual(usage);
  });
});
