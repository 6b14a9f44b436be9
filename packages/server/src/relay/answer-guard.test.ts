import { jsonText } from '@tailrace/protocol';
import { describe, expect, test } from 'vitest';
import { createAnswerGuard, type GuardedEvent } from './answer-guard.ts';

const text = (piece: string): GuardedEvent => ({ type: 'text-delta', choice: 0, json: jsonText(piece) });
const finish: GuardedEvent = { type: 'finish', choice: 0, reason: 'stop' };

/** The usage of an answer for which the source has counted `counted` tokens. */
function usageAfter(events: readonly GuardedEvent[], counted: number) {
  const guard = createAnswerGuard(
    { choices: 1, json: false },
    { promptTokens: () => 7, completionTokens: () => counted, completionIsCounted: () => false },
    { pass: () => {} },
  );
  for (const event of [...events, finish]) expect(guard.accept(event)).toBeUndefined();
  return guard.usage;
}

describe('an answer whose target reported no usage', () => {
  test('has the count of the source, marked as estimated', () => {
    expect(usageAfter([text('a')], 2)).toEqual({ promptTokens: 7, completionTokens: 2, estimated: true });
  });
});

describe('an answer that must be JSON', () => {
  function guarded(events: readonly GuardedEvent[]) {
    const passed: GuardedEvent[] = [];
    const to = { pass: (event: GuardedEvent) => passed.push(event) };
    const guard = createAnswerGuard(
      { choices: 1, json: true },
      { promptTokens: () => 7, completionTokens: () => 1, completionIsCounted: () => false },
      to,
    );
    const problem = events.map((event) => guard.accept(event)).find((violation) => violation !== undefined);
    return { problem, passed };
  }
  test('is checked piece by piece, and no piece is kept', () => {
    const page = text(`"${'é'.repeat(64 * 1024)}",`);
    const pages = Array.from({ length: 50 }, () => page);
    const of = (last: string) => guarded([text('['), ...pages, text(last), finish]).problem;
    expect(of('1]')).toBeUndefined();
    expect(of(']')).toBe('the answer is not the JSON that response_format asks for');
  });

  test('may have other output beside it, but not in its place', () => {
    const image: GuardedEvent = { type: 'other-delta', choice: 0, field: 'images', value: '[1]' };
    expect(guarded([image, text('{}'), finish]).problem).toBeUndefined();
    for (const answer of [
      [image, finish],
      [text('So:'), image, finish],
    ])
      expect(guarded(answer).problem).toBe('the answer is not the JSON that response_format asks for');
  });

  test('may have other text where it calls a tool, refuses, or ran out of tokens', () => {
    const refusal: GuardedEvent = { type: 'refusal-delta', choice: 0, json: jsonText('No.') };
    const calls: GuardedEvent[] = [
      { type: 'tool-call-start', choice: 0, index: 0, id: 'c', name: 'f' },
      { type: 'tool-call-delta', choice: 0, index: 0, json: jsonText('{}') },
      { ...finish, reason: 'tool_calls' },
    ];
    for (const answer of [[refusal, finish], calls, [text('{"a'), { ...finish, reason: 'length' }]]) {
      expect(guarded(answer as GuardedEvent[]).problem).toBeUndefined();
    }
  });
});

describe('an answer whose target reported its usage', () => {
  const reported = (completionTokens: number, estimated?: true): GuardedEvent => ({
    type: 'usage',
    usage: { promptTokens: 9, completionTokens, ...(estimated === undefined ? {} : { estimated }) },
  });

  test('keeps the usage that the target reported', () => {
    expect(usageAfter([text('a'), text(' b'), reported(1)], 2)).toEqual({
      promptTokens: 9,
      completionTokens: 1,
    });
  });

  test('has an estimate for each count that cannot be', () => {
    const usage = (promptTokens: number, completionTokens: number): GuardedEvent => ({
      type: 'usage',
      usage: { promptTokens, completionTokens },
    });
    for (const [reported, prompt, completion] of [
      [usage(0, 0), 7, 2],
      [usage(0, 103), 7, 103],
      [usage(9, 0), 9, 2],
    ] as const) {
      expect(usageAfter([text('a'), text(' b'), reported], 2)).toEqual({
        promptTokens: prompt,
        completionTokens: completion,
        estimated: true,
      });
    }
    // No output was delivered.
    expect(usageAfter([usage(9, 0)], 0)).toEqual({ promptTokens: 9, completionTokens: 0 });
  });

  test('has an estimated count raised to the tokens that the source has counted', () => {
    const usage = { promptTokens: 9, completionTokens: 2, estimated: true };
    expect(usageAfter([text('a'), text(' b'), reported(1, true)], 2)).toEqual(usage);
    expect(usageAfter([text('a'), reported(2, true)], 1)).toEqual(usage);
  });
});
