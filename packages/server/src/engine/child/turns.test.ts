import { describe, expect, test } from 'vitest';
import { fakeJob } from './fake-job.ts';
import { openTask } from './task.ts';
import { createTurns } from './turns.ts';

const job = fakeJob({ maxTokens: 9 });

function task(index: number) {
  const sequence = {
    keep: async () => 0,
    copy: async () => 0,
    read: async () => {},
    write: () => {
      throw new Error('no test writes here');
    },
  };
  const slot = { index, sequence, tokens: [], canonical: 0, task: undefined, usedAt: 0 };
  const model = { bytesOf: () => new Uint8Array(0), controls: new Map<number, string>() };
  return openTask({ job, choice: 0, keyId: 'k' }, slot, model, 0);
}

describe('turns', () => {
  test('a stream pauses as long as its sample took, while others write', () => {
    let at = 0;
    const turns = createTurns(() => at);
    const [slow, quick] = [task(0), task(1)];
    turns.took(slow, 400);
    turns.took(quick, 100);
    expect(turns.whose([slow, quick], false)).toEqual([quick]);
    at = 399;
    expect(turns.whose([slow, quick], false)).toEqual([quick]);
    at = 400;
    expect(turns.whose([slow, quick], false)).toEqual([slow, quick]);
  });

  test('a stream pauses while a prompt is read, and not when it is alone', () => {
    const turns = createTurns(() => 0);
    const slow = task(0);
    turns.took(slow, 400);
    expect(turns.whose([slow], true)).toEqual([]);
    expect(turns.whose([slow], false)).toEqual([slow]);
  });

  test('a sample of over two seconds ends its stream, and so does the third of three that grew steeply', () => {
    const turns = createTurns(() => 0);
    const taking = (...samples: number[]): boolean[] => {
      const one = task(0);
      return samples.map((tookMs) => turns.took(one, tookMs));
    };
    expect(taking(2000, 2001)).toEqual([true, false]);
    expect(taking(3, 13, 387)).toEqual([true, true, false]);
    // A large grammar, a single slow sample, and growth that is small in milliseconds are all borne.
    expect(taking(900, 1100, 1000, 1300)).toEqual([true, true, true, true]);
    expect(taking(4, 4, 1500, 4)).toEqual([true, true, true, true]);
    expect(taking(1, 12, 190)).toEqual([true, true, true]);
  });

  test('of several slow streams one writes at a time, the one that has waited longest first', () => {
    let at = 0;
    const turns = createTurns(() => at);
    const [first, second] = [task(0), task(1)];
    turns.took(first, 900);
    turns.took(second, 300);
    expect(turns.whose([first, second], false)).toEqual([second]);
    at = 200;
    turns.took(second, 900);
    expect(turns.whose([first, second], false)).toEqual([first]);
    expect(turns.whose([], false)).toEqual([]);
  });
});
