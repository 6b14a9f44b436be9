import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { createConnectionTurns } from './connection-turns.ts';

test('turns come in the order in which they were asked for, one at a time, also behind one that fails', async () => {
  const turns = createConnectionTurns();
  const seen: string[] = [];
  const work = (name: string) =>
    turns.run(async () => {
      seen.push(`${name} begins`);
      await turn();
      seen.push(`${name} ends`);
      if (name === 'a') throw new Error(name);
    });
  const giveBack = await turns.take();
  const all = [work('a'), work('b'), turns.run(() => void seen.push('c'))];
  await turn();
  expect(seen).toEqual([]);
  giveBack();
  expect((await Promise.allSettled(all)).map(({ status }) => status)).toEqual([
    'rejected',
    'fulfilled',
    'fulfilled',
  ]);
  expect(seen).toEqual(['a begins', 'a ends', 'b begins', 'b ends', 'c']);
});
