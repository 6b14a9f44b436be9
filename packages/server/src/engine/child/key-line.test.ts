import { expect, test } from 'vitest';
import { createKeyLine } from './key-line.ts';

test('work runs one after the other, and a key with one piece waits for one piece of a key with many', async () => {
  const line = createKeyLine();
  const done: string[] = [];
  let running = 0;
  const work = (name: string) => async (): Promise<void> => {
    running += 1;
    expect(running).toBe(1);
    await new Promise((resolve) => setImmediate(resolve));
    running -= 1;
    done.push(name);
  };
  for (let number = 0; number < 5; number++) line.add('many', work(`many ${number}`));
  const last = new Promise<void>((resolve) => {
    line.add('one', work('one'));
    line.add('many', async () => resolve());
  });
  await last;
  expect(done.indexOf('one')).toBe(1);
  expect(done.length).toBe(6);
  // What comes when nothing is left is done too.
  await new Promise<void>((resolve) => line.add('late', async () => resolve()));
});
