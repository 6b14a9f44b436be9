import { jsonText } from '@tailrace/protocol';
import { describe, expect, test } from 'vitest';
import { createAnswerGuard, type GuardedEvent } from './answer-guard.ts';

const text = (said: string): GuardedEvent => ({ type: 'text-delta', choice: 0, json: jsonText(said) });
const finish: GuardedEvent = { type: 'finish', choice: 0, reason: 'stop' };

/** The usage of an answer of which the source has counted so many tokens. */
function usageBehind(events: readonly GuardedEvent[], counted: number) {
  const guard = createAnswerGuard(
    { choices: 1, json: false, promptTokens: () => 7, completionTokens: () => counted },
    { pass: () => {} },
  );
  for (const event of [...events, finish]) expect(guard.accept(event)).toBeUndefined();
  return guard.usage;
}

describe('an answer whose target told no usage', () => {
  test('has what the source has counted, and says that it is an estimate', () => {
    expect(usageBehind([text('a')], 2)).toEqual({ promptTokens: 7, completionTokens: 2, estimated: true });
  });
});

describe('what has to be JSON', () => {
  function guarded(events: readonly GuardedEvent[], json = true) {
    const passed: GuardedEvent[] = [];
    const to = { pass: (event: GuardedEvent) => passed.push(event) };
    const guard = createAnswerGuard(
      { choices: 1, json, promptTokens: () => 7, completionTokens: () => 1 },
      to,
    );
    const problem = events.map((event) => guard.accept(event)).find((said) => said !== undefined);
    return { problem, passed };
  }
  const call = (index: number): GuardedEvent => ({
    type: 'tool-call-start',
    choice: 0,
    index,
    id: `call_${index}`,
    name: 'f',
  });
  const piece = (index: number, said: string): GuardedEvent => ({
    type: 'tool-call-delta',
    choice: 0,
    index,
    json: jsonText(said),
  });

  test('is judged piece by piece, and none of it is kept', () => {
    const page = text(`"${'é'.repeat(64 * 1024)}",`);
    const pages = Array.from({ length: 50 }, () => page);
    const of = (last: string) => guarded([text('['), ...pages, text(last), finish]).problem;
    expect(of('1]')).toBeUndefined();
    expect(of(']')).toBe('the answer is not the JSON that response_format asks for');
  });

  test('is the arguments of each call, unless the answer ran out of tokens', () => {
    const torn = [call(0), piece(0, '{"a":'), call(1), piece(1, '{}')];
    expect(guarded([...torn, finish], false).problem).toBe('the arguments of tool call 0 are not JSON');
    expect(guarded([...torn, { ...finish, reason: 'length' }], false).problem).toBeUndefined();
  });

  test('is an empty object for a call without arguments, before the next call begins', () => {
    const { passed } = guarded([call(0), call(1), piece(1, '{"a":1}'), call(2), finish], false);
    const inOrder = [call(0), piece(0, '{}'), call(1), piece(1, '{"a":1}'), call(2), piece(2, '{}')];
    expect(passed.slice(0, 6)).toEqual(inOrder);
  });
});

describe('an answer whose target told its usage', () => {
  const told = (completionTokens: number, estimated?: true): GuardedEvent => ({
    type: 'usage',
    usage: { promptTokens: 9, completionTokens, ...(estimated === undefined ? {} : { estimated }) },
  });

  test('says what it was told', () => {
    expect(usageBehind([text('a'), text(' b'), told(1)], 2)).toEqual({
      promptTokens: 9,
      completionTokens: 1,
    });
  });

  test('says no less than what came where it was told before the end', () => {
    const usage = { promptTokens: 9, completionTokens: 2, estimated: true };
    expect(usageBehind([text('a'), text(' b'), told(1, true)], 2)).toEqual(usage);
    expect(usageBehind([text('a'), told(2, true)], 1)).toEqual(usage);
  });
});
