import { type FinishReason, type JsonText, jsonText } from '@tailrace/protocol';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createEventGrammar } from './event-grammar.ts';
import { failure } from './failure.ts';
import type { StreamEvent } from './stream-event.ts';

const text = (choice = 0): StreamEvent => ({ type: 'text-delta', choice, json: jsonText('a') });
const reasoning = (choice = 0): StreamEvent => ({ type: 'reasoning-delta', choice, json: jsonText('a') });
const refusal = (choice = 0): StreamEvent => ({ type: 'refusal-delta', choice, json: jsonText('a') });
const other = (choice = 0, field = 'images', value = '[{}]'): StreamEvent => ({
  type: 'other-delta',
  choice,
  field,
  value,
});
const callStart = (choice: number, index: number): StreamEvent => ({
  type: 'tool-call-start',
  choice,
  index,
  id: `call_${index}`,
  name: 'weather',
});
const callDelta = (choice: number, index: number): StreamEvent => ({
  type: 'tool-call-delta',
  choice,
  index,
  json: jsonText('{}'),
});
const finish = (choice = 0, reason: FinishReason = 'stop'): StreamEvent => ({
  type: 'finish',
  choice,
  reason,
});
const usage: StreamEvent = { type: 'usage', usage: { promptTokens: 1, completionTokens: 1 } };
const start: StreamEvent = { type: 'start' };
const failed: StreamEvent = {
  type: 'failed',
  failure: failure('upstream_cut', 'The upstream cut the stream.'),
};

/** The first problem, and how the sequence ended. */
function judge(choices: number, events: readonly StreamEvent[]) {
  const grammar = createEventGrammar(choices);
  for (const event of events) {
    const problem = grammar.accept(event);
    if (problem !== undefined) return { problem, ended: grammar.ended };
  }
  return { problem: undefined, ended: grammar.ended };
}

/** All events of one choice: deltas in any order, calls in order with their arguments, the finish. */
function eventsOfChoice(choice: number): fc.Arbitrary<StreamEvent[]> {
  const kinds = fc.constantFrom('text', 'reasoning', 'refusal', 'other', 'call');
  return fc.array(kinds, { maxLength: 8 }).map((drawn) => {
    let calls = 0;
    const events = drawn.flatMap((kind) => {
      if (kind === 'text') return [text(choice)];
      if (kind === 'reasoning') return [reasoning(choice)];
      if (kind === 'other') return [other(choice)];
      if (kind === 'refusal') return [refusal(choice)];
      calls += 1;
      return [callStart(choice, calls - 1), callDelta(choice, calls - 1)];
    });
    return [...events, finish(choice, calls > 0 ? 'tool_calls' : 'stop')];
  });
}

/** A whole legal stream: choices interleaved at random, start and usage where they may be. */
const legal = fc
  .integer({ min: 1, max: 4 })
  .chain((choices) =>
    fc.tuple(
      fc.tuple(...Array.from({ length: choices }, (_, choice) => eventsOfChoice(choice))),
      fc.boolean(),
      fc.option(fc.nat()),
      fc.infiniteStream(fc.nat()),
    ),
  )
  .map(([all, withStart, usageAt, dice]) => {
    const queues = all.map((events) => [...events]);
    const events: StreamEvent[] = [];
    for (const roll of dice) {
      const open = queues.filter((queue) => queue.length > 0);
      const event = open[roll % Math.max(1, open.length)]?.shift();
      if (event === undefined) break;
      events.push(event);
    }
    // Before the last finish, which is the last event.
    if (usageAt !== null) events.splice(usageAt % events.length, 0, usage);
    return { choices: queues.length, events: withStart ? [start, ...events] : events };
  });

describe('legal sequences', () => {
  test('whole ones are accepted and end with the last finish, not before', () => {
    fc.assert(
      fc.property(legal, ({ choices, events }) => {
        expect(judge(choices, events)).toEqual({ problem: undefined, ended: 'whole' });
        expect(judge(choices, events.slice(0, -1))).toEqual({ problem: undefined, ended: undefined });
      }),
      { numRuns: 500 },
    );
  });

  test('torn ones may fail at any place before the end', () => {
    fc.assert(
      fc.property(legal, fc.nat(), ({ choices, events }, at) => {
        const before = events.slice(0, at % events.length);
        expect(judge(choices, [...before, failed])).toEqual({ problem: undefined, ended: 'torn' });
      }),
    );
  });
});

describe('illegal sequences', () => {
  // Each returns an illegal sequence, which the grammar must refuse.
  const mutations: Record<string, (events: StreamEvent[], at: number, choices: number) => StreamEvent[]> = {
    'anything after the last finish': (events, at) => [
      ...events,
      [text(), usage, start, failed, finish()][at % 5] ?? text(),
    ],
    'anything after failed': (events, at) => [
      ...events.slice(0, -1),
      failed,
      [text(), usage, start, failed, finish()][at % 5] ?? text(),
    ],
    'a start that is not first': (events, at) => events.toSpliced(1 + (at % (events.length - 1)), 0, start),
    'usage twice': (events) => [
      ...events.slice(0, -1).filter((event) => event.type !== 'usage'),
      usage,
      usage,
      ...events.slice(-1),
    ],
    'a choice that was not asked for': (events, at, choices) =>
      events.toSpliced(at % events.length, 0, text(choices)),
    'a choice that is no index': (events, at) =>
      events.toSpliced(at % events.length, 0, text([-1, 0.5, Number.NaN][at % 3])),
    'a gap in the call indexes': (events, at) => events.toSpliced(at % events.length, 0, callStart(0, 9)),
    'a delta of a call that has not begun': (events, at) =>
      events.toSpliced(at % events.length, 0, callDelta(0, 9)),
    'a delta after the finish of its choice': (events) => {
      const choice = events.find((event) => event.type === 'finish')?.choice ?? 0;
      const at = events.findIndex((event) => event.type === 'finish');
      return events.toSpliced(at + 1, 0, [text, reasoning, refusal, other][at % 4]?.(choice) ?? text(choice));
    },
    'a second finish of a choice': (events) => {
      const at = events.findIndex((event) => event.type === 'finish');
      return events.toSpliced(at + 1, 0, ...events.slice(at, at + 1));
    },
    'a delta of a call that has ended': (events) => [
      callStart(0, 0),
      callDelta(0, 0),
      callStart(0, 1),
      callDelta(0, 0),
      ...events,
    ],
    'a call that begins twice': (events) => [callStart(0, 0), callStart(0, 0), ...events],
  };

  test.each(Object.entries(mutations))('%s is refused', (_name, mutate) => {
    fc.assert(
      fc.property(
        legal.filter(({ events }) => events.length > 1),
        fc.nat(),
        ({ choices, events }, at) => {
          expect(judge(choices, mutate(events, at, choices)).problem).toEqual(expect.any(String));
        },
      ),
    );
  });
});

describe('what an adapter has to repair is refused:', () => {
  const call = callStart(0, 0);
  const args = (json: string, index = 0): StreamEvent => ({
    type: 'tool-call-delta',
    choice: 0,
    index,
    json: jsonText(json),
  });
  const empty = (type: 'text-delta' | 'reasoning-delta' | 'refusal-delta'): StreamEvent => ({
    type,
    choice: 0,
    json: jsonText(''),
  });
  const half = '\\ud83d' as JsonText;

  test.each<[string, StreamEvent[], string | undefined]>([
    ['an empty text', [empty('text-delta')], 'an empty text-delta'],
    ['an empty thought', [empty('reasoning-delta')], 'an empty reasoning-delta'],
    ['an empty refusal', [empty('refusal-delta')], 'an empty refusal-delta'],
    ['an empty piece of arguments', [call, args('')], 'an empty tool-call-delta'],
    [
      'half a character',
      [{ type: 'text-delta', choice: 0, json: half }],
      'half a surrogate pair in a text-delta',
    ],
    [
      'half a character of arguments',
      [call, { type: 'tool-call-delta', choice: 0, index: 0, json: half }],
      'half a surrogate pair in a tool-call-delta',
    ],
    ['other output with a name of our stream', [other(0, 'content')], 'an other-delta with the name content'],
    ['other output without a value', [other(0, 'images', '')], 'an empty other-delta'],
    ['a call without arguments', [call, finish(0, 'tool_calls')], 'tool call 0 has no arguments'],
    ['one that ran out of tokens too', [call, finish(0, 'length')], 'tool call 0 has no arguments'],
    ['one before another', [call, callStart(0, 1)], 'tool call 0 has no arguments'],
    [
      'arguments that are no JSON object',
      [call, args('{"a":'), finish(0, 'tool_calls')],
      'the arguments of tool call 0 are no JSON object',
    ],
    [
      'arguments of an earlier call',
      [call, args('{"a":'), callStart(0, 1), args('{}', 1), finish(0, 'tool_calls')],
      'the arguments of tool call 0 are no JSON object',
    ],
    [
      'a finish that hides the calls',
      [call, args('{}'), finish()],
      'the finish reason stop after tool calls',
    ],
  ])('%s', (_name, events, problem) => {
    expect(judge(1, events).problem).toBe(problem);
  });

  test('but an answer that ran out of tokens may break off inside a call', () => {
    expect(judge(1, [call, args('{"a":'), finish(0, 'length')])).toEqual({
      problem: undefined,
      ended: 'whole',
    });
  });

  test('and a token without text may have log probabilities, and a pair or a spelt escape is no half', () => {
    const logprobs = [{ token: 'a', logprob: -1, bytes: null, top_logprobs: [] }];
    const events: StreamEvent[] = [
      { type: 'text-delta', choice: 0, json: jsonText(''), logprobs },
      { type: 'text-delta', choice: 0, json: '\\ud83d\\ude00' as JsonText },
      { type: 'text-delta', choice: 0, json: jsonText('\\ud83d') },
      finish(),
    ];
    expect(judge(1, events)).toEqual({ problem: undefined, ended: 'whole' });
  });
});

test('a refused event leaves the state as it was', () => {
  const grammar = createEventGrammar(1);
  expect(grammar.accept(callDelta(0, 0))).toBe('a delta of tool call 0 while none is open');
  expect(grammar.accept(start)).toBeUndefined();
  expect(grammar.accept(callStart(0, 1))).toBe('tool call 1 begins where 0 is due');
  expect(grammar.accept(callStart(0, 0))).toBeUndefined();
  expect(grammar.accept(finish(0, 'tool_calls'))).toBe('tool call 0 has no arguments');
  expect(grammar.accept(callDelta(0, 0))).toBeUndefined();
  expect(grammar.accept(finish())).toBe('the finish reason stop after tool calls');
  expect(grammar.accept(finish(0, 'tool_calls'))).toBeUndefined();
  expect(grammar.accept(text())).toBe('text-delta after the end');
  expect(grammar.ended).toBe('whole');
});
