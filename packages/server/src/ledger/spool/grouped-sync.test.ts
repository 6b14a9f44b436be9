import { expect, test } from 'vitest';
import { createMemoryDisk } from '../testing/memory-spool-files.ts';
import { createGroupedSync } from './grouped-sync.ts';

test('a sync that fails after the end is not tried again: its timer would keep the thread alive', () => {
  const { files } = createMemoryDisk().process();
  files.makeFolder('/spool');
  const file = files.open('/spool/0000000001.log');
  const closed: number[] = [];
  const timers: (() => void)[] = [];
  const syncs: ((error: unknown) => void)[] = [];
  const sync = createGroupedSync({
    files: {
      ...files,
      sync: (_file, _folder, done) => syncs.push(done),
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
  sync.wrote(file);
  timers.shift()?.();
  sync.release(file, 'written');
  sync.finish();
  syncs.shift()?.(new Error('EIO'));
  expect(timers).toEqual([]);
  expect(closed).toEqual([file]);
});

test('the entry of a file in its folder is synced with the first sync that succeeds, and not again', () => {
  const { files } = createMemoryDisk().process();
  files.makeFolder('/spool');
  const file = files.open('/spool/0000000001.log');
  const timers: (() => void)[] = [];
  const synced: (string | undefined)[] = [];
  const answers: ((error: unknown) => void)[] = [];
  const sync = createGroupedSync({
    files: {
      ...files,
      sync(_file, folder, done) {
        synced.push(folder);
        answers.push(done);
      },
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
  sync.wrote(file);
  timers.shift()?.();
  answers.shift()?.(new Error('EIO'));
  timers.shift()?.();
  answers.shift()?.(null);
  sync.wrote(file);
  timers.shift()?.();
  expect(synced).toEqual(['/spool', '/spool', undefined]);
});
