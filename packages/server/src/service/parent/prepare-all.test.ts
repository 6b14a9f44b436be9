import { expect, test } from 'vitest';
import { linkedPair } from '../../channels/testing/linked.ts';
import type { ServedConfig } from '../serving-processes.ts';
import type { Worker } from './fleet.ts';
import { prepareAll } from './prepare-all.ts';

// No worker here reads it.
const next = {} as ServedConfig;

/** A worker that answers `prepare` with these problems; `dead`: it ends instead. */
function worker(problems: readonly string[] | 'dead', did: string[]): Worker {
  const ask = async (name: string) => {
    if (problems === 'dead') throw new Error('the other process has ended');
    did.push(name);
    return name === 'prepare' ? problems : undefined;
  };
  return {
    number: 1,
    processId: 'proc_1',
    process: {
      pid: 1,
      link: linkedPair()[0],
      give() {},
      ended: new Promise(() => {}),
      kill() {},
    },
    ask: ask as Worker['ask'],
  };
}

test('all workers commit what all have prepared; then workers may be started again', async () => {
  const did: string[] = [];
  let released = false;
  const prepared = await prepareAll(next, {
    workers: [worker([], did), worker([], did)],
    release: () => {
      released = true;
    },
  });
  expect(prepared.problems).toEqual([]);
  expect([did, released]).toEqual([['prepare', 'prepare'], false]);
  await prepared.commit();
  expect([did, released]).toEqual([['prepare', 'prepare', 'commit', 'commit'], true]);
});

test('where one worker cannot prepare it, all discard it, and each problem is said once', async () => {
  const did: string[] = [];
  const workers = [worker([], did), worker(['a script is gone'], did), worker(['a script is gone'], did)];
  const prepared = await prepareAll(next, { workers, release: () => {} });
  expect(prepared.problems).toEqual(['a script is gone']);
  await prepared.discard();
  expect(did.slice(3)).toEqual(['discard', 'discard', 'discard']);
});

test('a worker that ends meanwhile holds nothing up', async () => {
  const did: string[] = [];
  const prepared = await prepareAll(next, {
    workers: [worker('dead', did), worker([], did)],
    release: () => {},
  });
  expect(prepared.problems).toEqual([]);
  await prepared.commit();
  expect(did).toEqual(['prepare', 'commit']);
});
