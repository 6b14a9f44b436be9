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

describe('what has to be JSON', () => {
  function guarded(events: readonly Passed[], json = true) {
    const passed: Passed[] = [];
    const to = { pass: (event: Passed) => passed.push(event) };
    const guard = createAnswerGuard({ choices: 1, json, promptTokens: () => 7 }, to);
    const problem = events.map((event) => guard.accept(event)).find((said) => said !== undefined);
    return { problem, passed };
  }
  const call = (index: number): Passed => ({
    type: 'tool-call-start',
    choice: 0,
    index,
    id: `call_${index}`,
    name: 'f',
  });
  const piece = (index: number, said: string): Passed => ({
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
