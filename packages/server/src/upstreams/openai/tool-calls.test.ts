import { decodeJsonText } from '@tailrace/protocol';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createEventGrammar } from '../../domain/event-grammar.ts';
import type { StreamEvent } from '../../domain/stream-event.ts';
import { readChunks } from './fake-answer.ts';

const mebi = 1024 * 1024;

function start(choices = 1) {
  const { events, answer } = readChunks({ choices });
  return {
    events,
    say: (call: object, index = 0) =>
      answer.chunk({ choices: [{ index, delta: { tool_calls: [call] }, finish_reason: null }] }),
    end: (reason = 'tool_calls') => {
      const finishes = Array.from({ length: choices }, (_, index) => ({
        index,
        delta: {},
        finish_reason: reason,
      }));
      answer.chunk({ choices: finishes });
      answer.end();
    },
  };
}

const piece = (index: number, text: string) => ({ index, function: { arguments: text } });
const begins = (index: number, text = '') => ({
  index,
  id: `call_${index}`,
  function: { name: 'f', arguments: text },
});

const saidBy = (events: readonly StreamEvent[], index: number) =>
  events.flatMap((event) =>
    event.type === 'tool-call-delta' && event.index === index ? [decodeJsonText(event.json)] : [],
  );
const failureOf = (events: readonly StreamEvent[]) =>
  events.flatMap((event) => (event.type === 'failed' ? [[event.failure.code, event.failure.message]] : []));

describe('arguments of a tool call', () => {
  test('leave as they come, and cost what they are long however small the pieces are', () => {
    const { events, say, end } = start();
    const written = JSON.stringify({ file: 'x = "1"\n'.repeat(60_000) });
    say(begins(0));
    for (let at = 0; at < written.length; at += 8) say(piece(0, written.slice(at, at + 8)));
    end();
    const pieces = saidBy(events, 0);
    expect(pieces).toHaveLength(Math.ceil(written.length / 8));
    expect(pieces.join('')).toBe(written);
    expect(events.at(-1)).toMatchObject({ type: 'finish', reason: 'tool_calls' });
  });

  test('of several calls at once are in order, each whole, wherever they were cut and mixed', () => {
    const written = fc.json().map((json) => `{"a":${json},"b":"\\"😀}"}`);
    const cuts = fc.array(fc.nat(), { maxLength: 6 });
    const order = fc.infiniteStream(fc.nat());
    fc.assert(
      fc.property(
        fc.array(fc.tuple(written, cuts), { minLength: 1, maxLength: 4 }),
        order,
        (calls, turns) => {
          const { events, say, end } = start();
          const left = calls.map(([json, places]) => {
            const at = places.map((place) => place % json.length).toSorted((a, b) => a - b);
            return [0, ...at].map((from, index) => json.slice(from, at[index] ?? json.length));
          });
          for (const index of left.keys()) say(begins(index));
          while (left.some((pieces) => pieces.length > 0)) {
            const waiting = [...left.keys()].filter((index) => (left[index] ?? []).length > 0);
            const index = waiting[(turns.next().value ?? 0) % waiting.length] ?? 0;
            say(piece(index, left[index]?.shift() ?? ''));
          }
          end();
          const grammar = createEventGrammar(1);
          for (const event of events) expect(grammar.accept(event)).toBeUndefined();
          expect(calls.map((_, index) => saidBy(events, index).join(''))).toEqual(
            calls.map(([json]) => json),
          );
        },
      ),
      { numRuns: 300 },
    );
  });

  test('that come whole leave in events that clients bear, and no character is cut', () => {
    const { events, say, end } = start();
    const written = JSON.stringify(['😀'.repeat(100_000)]);
    say(begins(0, written));
    end();
    const pieces = saidBy(events, 0);
    expect(pieces.join('')).toBe(written);
    expect(Math.max(...pieces.map(({ length }) => length))).toBeLessThanOrEqual(64 * 1024 + 1);
    expect(pieces.every((said) => said.isWellFormed())).toBe(true);
  });
});

describe('more than is taken of tool calls ends the answer', () => {
  const page = 'x'.repeat(mebi);
  test.each<[string, string, (say: ReturnType<typeof start>['say']) => void]>([
    [
      'arguments of one',
      'a tool call whose arguments are over 4194304 characters',
      (say) => {
        say(begins(0, '{"a":"'));
        for (let pages = 0; pages < 4; pages += 1) say(piece(0, page));
      },
    ],
    [
      'arguments of one that waits for another',
      'a tool call whose arguments are over 4194304 characters',
      (say) => {
        say(begins(0, '{'));
        say(begins(1, '{"a":"'));
        for (let pages = 0; pages < 4; pages += 1) say(piece(1, page));
      },
    ],
    [
      'arguments of all, whatever their choice',
      'tool calls whose arguments are over 8388608 characters together',
      (say) => {
        for (const choice of [0, 1, 2]) {
          say(begins(0, '{"a":"'), choice);
          for (let pages = 0; pages < 3; pages += 1) say(piece(0, page), choice);
        }
      },
    ],
    [
      'calls, whatever their choice',
      'more than 1024 tool calls',
      (say) => {
        for (let index = 0; index < 513; index += 1) {
          say(begins(index, '{}'), 0);
          say(begins(index, '{}'), 2);
        }
      },
    ],
    [
      'calls without a name',
      'more than 1024 tool calls',
      (say) => {
        for (let index = 0; index < 1_025; index += 1) say({ index });
      },
    ],
    [
      'a name',
      "a tool's name of over 256 characters",
      (say) => say({ index: 0, function: { name: 'f'.repeat(257) } }),
    ],
    [
      'what has to be sent back with them',
      'over 1048576 characters that have to be sent back to it',
      (say) => {
        for (let index = 0; index < 3; index += 1) {
          const extra = { google: { thought_signature: 's'.repeat(400_000) } };
          say({ ...begins(index, '{}'), extra_content: extra });
        }
      },
    ],
  ])('%s', (_, what, play) => {
    const { events, say } = start(3);
    play(say);
    expect(failureOf(events)).toEqual([
      ['upstream_protocol', `The upstream's answer holds more than this server takes: ${what}.`],
    ]);
  });

  test('an id longer than a client may send back is replaced, and still tells its call from others', () => {
    const { events, say, end } = start();
    const long = (last: string) => 'i'.repeat(1_024) + last;
    for (const last of ['a', 'b']) say({ id: long(last), function: { name: 'f', arguments: '{"a":' } });
    for (const last of ['a', 'b']) say({ id: long(last), function: { arguments: `"${last}"}` } });
    end();
    const ids = events.flatMap((event) => (event.type === 'tool-call-start' ? [event.id] : []));
    expect(new Set(ids).size).toBe(2);
    for (const id of ids) expect(id).toMatch(/^call_\w{32}$/);
    expect([saidBy(events, 0).join(''), saidBy(events, 1).join('')]).toEqual(['{"a":"a"}', '{"a":"b"}']);
  });
});
