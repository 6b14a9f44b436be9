import { describe, expect, test } from 'vitest';
import type { CallPart } from './call-reader.ts';
import { createRepeatHold } from './repeat-hold.ts';

const call = (name: string): CallPart => ({ type: 'call', name });
const text = (words: string): CallPart => ({ type: 'arguments', text: words });
const end: CallPart = { type: 'end' };

/** A call in pieces of a unit each. */
const spelt = (name: string, words: string): CallPart[] => [call(name), ...[...words].map(text), end];

function heard(parts: readonly CallPart[]) {
  const hold = createRepeatHold();
  const said = parts.map((part) => hold.push(part));
  return { hold, said, all: said.flat() };
}

describe('repeated calls', () => {
  test('a first call passes as it comes', () => {
    const parts = spelt('f', '{"a":1}');
    expect(heard(parts).said).toEqual(parts.map((part) => [part]));
  });

  test('a call of the same function leaves with its first unit that differs', () => {
    const { said, hold } = heard([...spelt('f', '{"a":1}'), ...spelt('f', '{"a":2}')]);
    const second = said.slice(9);
    expect(second.slice(0, 6).flat()).toEqual([]);
    expect(second.slice(6)).toEqual([[call('f'), text('{"a":2')], [text('}')], [end]]);
    expect(hold.repeated()).toBe(false);
  });

  test('a repeated call never leaves, and is the last', () => {
    const first = [...spelt('f', '{"a":1}'), ...spelt('g', '{}')];
    const { all, hold } = heard([...first, ...spelt('f', '{"a":1}')]);
    expect(all).toEqual(first);
    expect(hold.repeated()).toBe(true);
  });

  test('the same arguments of another function are another call', () => {
    const parts = [...spelt('f', '{}'), ...spelt('g', '{}')];
    const { all, hold } = heard(parts);
    expect(all).toEqual(parts);
    expect(hold.repeated()).toBe(false);
  });

  test('a held call leaves as far as it was written when the answer is cut', () => {
    const { hold } = heard([...spelt('f', '{"a":1}'), call('f'), text('{"a"')]);
    expect(hold.flush()).toEqual([call('f'), text('{"a"')]);
    expect(hold.flush()).toEqual([]);
  });

  test('a call that is cut behind the arguments of an earlier call does not leave', () => {
    const first = spelt('f', '{"a":1}');
    const { hold } = heard([...first, call('f'), text('{"a":1}')]);
    expect(hold.flush()).toEqual([]);
  });
});
