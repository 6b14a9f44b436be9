import { expect, it } from 'vitest';
import { createBodyTurns } from './body-turns.ts';

/** An event loop and a clock that the test drives, and the turns that were given, in order. */
function lab() {
  const planned: (() => void)[] = [];
  const given: string[] = [];
  const ends: (() => void)[] = [];
  let nowMs = 0;
  const turns = createBodyTurns({ now: () => nowMs, later: (callback) => planned.push(callback) });
  const settle = async () => {
    for (let turn = 0; turn < 4; turn += 1) await Promise.resolve();
  };
  return {
    turns,
    given,
    settle,
    ask: (keyId: string, ...names: readonly string[]) => {
      for (const name of names) {
        void turns.next(keyId).then((end) => {
          given.push(name);
          ends.push(end);
        });
      }
    },
    /** The current turn takes that long, and ends. */
    async work(ms: number) {
      await settle();
      nowMs += ms;
      ends.shift()?.();
      await settle();
    },
    planned: () => planned.length,
    pass(ms: number) {
      nowMs += ms;
    },
    /** Two turns of the loop: each calls what was planned before it. */
    async loop() {
      for (let turn = 0; turn < 2; turn += 1) {
        for (const callback of planned.splice(0)) callback();
        await settle();
      }
    },
  };
}

it('gives one turn at a time', async () => {
  const { ask, given, settle, work } = lab();
  ask('key', 'first', 'second');
  await settle();
  expect(given).toEqual(['first']);
  await work(1);
  expect(given).toEqual(['first', 'second']);
});

it('plans a new share only when bodies have taken a millisecond, and not for each small body', async () => {
  const { ask, work, planned } = lab();
  ask('key', 'a', 'b', 'c');
  await work(0.4);
  await work(0.5);
  expect(planned()).toBe(0);
  await work(0.2);
  expect(planned()).toBe(1);
});

it('gives as many at once as fit into a share', async () => {
  const { ask, given, work, loop } = lab();
  ask('key', 'a', 'b', 'c', 'd');
  await work(10);
  await work(9);
  expect(given).toEqual(['a', 'b', 'c']);
  await work(9);
  expect(given).toEqual(['a', 'b', 'c']);
  await loop();
  expect(given).toEqual(['a', 'b', 'c', 'd']);
});

it('makes every body after an expensive one wait until the sockets have been read', async () => {
  const { ask, given, work, loop } = lab();
  ask('key', 'expensive');
  await work(150);
  ask('key', 'next', 'last');
  expect(given).toEqual(['expensive']);
  await loop();
  await work(150);
  expect(given).toEqual(['expensive', 'next']);
  await loop();
  expect(given).toEqual(['expensive', 'next', 'last']);
});

it('pauses an expensive body in the middle of its turn, and starts no other one meanwhile', async () => {
  const { ask, given, settle, work, pass, loop, turns } = lab();
  ask('key', 'expensive', 'next');
  await settle();
  const steps: string[] = [];
  void turns.pause().then(() => steps.push('at once'));
  await settle();
  pass(150);
  void turns.pause().then(() => steps.push('after the pause'));
  await settle();
  expect(steps).toEqual(['at once']);
  await loop();
  expect(steps).toEqual(['at once', 'after the pause']);
  await work(0);
  expect(given).toEqual(['expensive']);
  await loop();
  expect(given).toEqual(['expensive', 'next']);
});

it('gives keys turns, so that one body waits for one body of each other key', async () => {
  const { ask, given, work } = lab();
  ask('a', 'a1', 'a2', 'a3');
  ask('b', 'b1');
  for (let turn = 0; turn < 4; turn += 1) await work(1);
  expect(given).toEqual(['a1', 'a2', 'b1', 'a3']);
});

it('gives turns again in the next share', async () => {
  const { ask, given, work, loop } = lab();
  for (const name of ['first', 'second', 'third']) {
    ask('key', name);
    await work(100);
    await loop();
  }
  expect(given).toEqual(['first', 'second', 'third']);
});
