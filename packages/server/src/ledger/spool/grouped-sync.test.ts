import { expect, test } from 'vitest';
import { createMemoryDisk } from '../testing/memory-spool-files.ts';
import { createGroupedSync } from './grouped-sync.ts';

/** An open file, whose syncs wait for their answers, and whose timers wait to be run. */
function start() {
  const { files } = createMemoryDisk().process();
  files.makeFolder('/spool');
  const file = files.open('/spool/0000000001.log');
  const timers: (() => void)[] = [];
  const syncs: { readonly folder: string | undefined; done(error: unknown): void }[] = [];
  const closed: number[] = [];
  const sync = createGroupedSync({
    files: {
      ...files,
      sync: (_file, folder, done) => syncs.push({ folder, done }),
      close: (one) => closed.push(one),
    },
    folder: '/spool',
    afterMs: 100,
    after: (_, work) => {
      timers.push(work);
      return () => {};
    },
    needed: () => true,
    onProblem: () => {},
  });
  return { file, sync, timers, syncs, closed };
}

test('a sync that fails after the end is not tried again: its timer would keep the thread alive', () => {
  const { file, sync, timers, syncs, closed } = start();
  sync.wrote(file);
  timers.shift()?.();
  sync.release(file, 'written');
  sync.finish();
  syncs.shift()?.done(new Error('EIO'));
  expect(timers).toEqual([]);
  expect(closed).toEqual([file]);
});

test('the entry of a file in its folder is synced with the first sync that succeeds, and not again', () => {
  const { file, sync, timers, syncs } = start();
  sync.wrote(file);
  timers.shift()?.();
  syncs.at(-1)?.done(new Error('EIO'));
  timers.shift()?.();
  syncs.at(-1)?.done(null);
  sync.wrote(file);
  timers.shift()?.();
  expect(syncs.map(({ folder }) => folder)).toEqual(['/spool', '/spool', undefined]);
});
