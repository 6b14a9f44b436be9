import { expect, it } from 'vitest';
import { createBodyTurns } from './body-turns.ts';

/** A loop whose turns the test takes, and the turns that were given, in order. */
function lab() {
  const planned: (() => void)[] = [];
  const given: string[] = [];
  const ends: (() => void)[] = [];
  const turns = createBodyTurns((serve) => planned.push(serve));
  return {
    planned,
    given,
    wait: (keyId: string, name: string) =>
      void turns.next(keyId).then((end) => {
        given.push(name);
        ends.push(end);
      }),
    /** What was planned before is called, as the event loop does. */
    async loop() {
      for (const serve of planned.splice(0)) serve();
      await Promise.resolve();
    },
    end: () => ends.shift()?.(),
  };
}

it('gives one turn at a time, and the next one in a later turn of the loop', async () => {
  const { wait, loop, end, given, planned } = lab();
  for (const name of ['first', 'second', 'third']) wait('key', name);
  await loop();
  await loop();
  expect(given).toEqual(['first']);
  end();
  expect(given).toEqual(['first']);
  await loop();
  end();
  await loop();
  end();
  await loop();
  expect(given).toEqual(['first', 'second', 'third']);
  expect(planned).toEqual([]);
});

it('lets keys take turns, so that one body waits for one of each other key', async () => {
  const { wait, loop, end, given } = lab();
  for (const name of ['a1', 'a2', 'a3']) wait('a', name);
  wait('b', 'b1');
  for (let turn = 0; turn < 4; turn += 1) {
    await loop();
    end();
  }
  expect(given).toEqual(['a1', 'b1', 'a2', 'a3']);
});

it('begins again after a rest', async () => {
  const { wait, loop, end, given } = lab();
  for (const name of ['first', 'second']) {
    wait('key', name);
    await loop();
    end();
    await loop();
  }
  expect(given).toEqual(['first', 'second']);
});
