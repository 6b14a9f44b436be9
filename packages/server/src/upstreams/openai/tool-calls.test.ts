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
    send: (call: object, index = 0) =>
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

const argumentsOf = (events: readonly StreamEvent[], index: number) =>
  events.flatMap((event) =>
    event.type === 'tool-call-delta' && event.index === index ? [decodeJsonText(event.json)] : [],
  );
const failureOf = (events: readonly StreamEvent[]) =>
  events.flatMap((event) => (event.type === 'failed' ? [[event.failure.code, event.failure.message]] : []));

describe('arguments of a tool call', () => {
  test('are emitted as they come, at a cost linear in their length', () => {
    const { events, send, end } = start();
    const written = JSON.stringify({ file: 'x = "1"\n'.repeat(60_000) });
    send(begins(0));
    for (let at = 0; at < written.length; at += 8) send(piece(0, written.slice(at, at + 8)));
    end();
    const pieces = argumentsOf(events, 0);
    expect(pieces).toHaveLength(Math.ceil(written.length / 8));
    expect(pieces.join('')).toBe(written);
    expect(events.at(-1)).toMatchObject({ type: 'finish', reason: 'tool_calls' });
  }, 60_000);

  test('of several calls are emitted in order and whole, with any cuts and in any mixture', () => {
    const written = fc.json().map((json) => `{"a":${json},"b":"\\"😀}"}`);
    const cuts = fc.array(fc.nat(), { maxLength: 6 });
    const order = fc.infiniteStream(fc.nat());
    fc.assert(
      fc.property(
        fc.array(fc.tuple(written, cuts), { minLength: 1, maxLength: 4 }),
        order,
        (calls, turns) => {
          const { events, send, end } = start();
          const left = calls.map(([json, places]) => {
            const at = places.map((place) => place % json.length).toSorted((a, b) => a - b);
            return [0, ...at].map((from, index) => json.slice(from, at[index] ?? json.length));
          });
          for (const index of left.keys()) send(begins(index));
          while (left.some((pieces) => pieces.length > 0)) {
            const waiting = [...left.keys()].filter((index) => (left[index] ?? []).length > 0);
            const index = waiting[(turns.next().value ?? 0) % waiting.length] ?? 0;
            send(piece(index, left[index]?.shift() ?? ''));
          }
          end();
          const grammar = createEventGrammar(1);
          for (const event of events) expect(grammar.accept(event)).toBeUndefined();
          expect(calls.map((_, index) => argumentsOf(events, index).join(''))).toEqual(
            calls.map(([json]) => json),
          );
        },
      ),
      { numRuns: 300 },
    );
  });

  test('that come whole are emitted in events of bounded size, with whole characters', () => {
    const { events, send, end } = start();
    const written = JSON.stringify(['😀'.repeat(100_000)]);
    send(begins(0, written));
    end();
    const pieces = argumentsOf(events, 0);
    expect(pieces.join('')).toBe(written);
    expect(Math.max(...pieces.map(({ length }) => length))).toBeLessThanOrEqual(64 * 1024 + 1);
    expect(pieces.every((text) => text.isWellFormed())).toBe(true);
  });
});

describe('tool calls that exceed a bound tear the answer', () => {
  const page = 'x'.repeat(mebi);
  test.each<[string, string, (send: ReturnType<typeof start>['send']) => void]>([
    [
      'arguments of one call',
      'a tool call whose arguments are over 4194304 characters',
      (send) => {
        send(begins(0, '{"a":"'));
        for (let pages = 0; pages < 4; pages += 1) send(piece(0, page));
      },
    ],
    [
      'arguments of one call while another call is open',
      'a tool call whose arguments are over 4194304 characters',
      (send) => {
        send(begins(0, '{'));
        send(begins(1, '{"a":"'));
        for (let pages = 0; pages < 4; pages += 1) send(piece(1, page));
      },
    ],
    [
      'arguments of all calls, over all choices',
      'tool calls whose arguments are over 8388608 characters together',
      (send) => {
        for (const choice of [0, 1, 2]) {
          send(begins(0, '{"a":"'), choice);
          for (let pages = 0; pages < 3; pages += 1) send(piece(0, page), choice);
        }
      },
    ],
    [
      'the number of calls, over all choices',
      'more than 1024 tool calls',
      (send) => {
        for (let index = 0; index < 513; index += 1) {
          send(begins(index, '{}'), 0);
          send(begins(index, '{}'), 2);
        }
      },
    ],
    [
      'the number of calls without a name',
      'more than 1024 tool calls',
      (send) => {
        for (let index = 0; index < 1_025; index += 1) send({ index });
      },
    ],
    [
      'the name of a call',
      "a tool's name of over 256 characters",
      (send) => send({ index: 0, function: { name: 'f'.repeat(257) } }),
    ],
    [
      'extra content that has to be sent back',
      'over 1048576 characters that have to be sent back to it',
      (send) => {
        for (let index = 0; index < 3; index += 1) {
          const extra = { google: { thought_signature: 's'.repeat(400_000) } };
          send({ ...begins(index, '{}'), extra_content: extra });
        }
      },
    ],
  ])('%s', (_, what, play) => {
    const { events, send } = start(3);
    play(send);
    expect(failureOf(events)).toEqual([
      ['upstream_protocol', `The upstream's answer holds more than this server takes: ${what}.`],
    ]);
  });

  test('an id that is too long for a client to send back is replaced by a different one for each call', () => {
    const { events, send, end } = start();
    const long = (last: string) => 'i'.repeat(1_024) + last;
    for (const last of ['a', 'b']) send({ id: long(last), function: { name: 'f', arguments: '{"a":' } });
    for (const last of ['a', 'b']) send({ id: long(last), function: { arguments: `"${last}"}` } });
    end();
    const ids = events.flatMap((event) => (event.type === 'tool-call-start' ? [event.id] : []));
    expect(new Set(ids).size).toBe(2);
    for (const id of ids) expect(id).toMatch(/^call_\w{32}$/);
    expect([argumentsOf(events, 0).join(''), argumentsOf(events, 1).join('')]).toEqual([
      '{"a":"a"}',
      '{"a":"b"}',
    ]);
  });
});
