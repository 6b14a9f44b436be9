import { expect, test } from 'vitest';
import type { TaskOwner } from './killable-thread.ts';
import { createSharedWork } from './shared-work.ts';

/** Work whose tasks the test ends by hand. */
function work() {
  const begun: { readonly owner: TaskOwner; end(value: string): void; fail(error: Error): void }[] = [];
  const shared = createSharedWork<string>((value) => value !== 'passing');
  const ask = (keyId: string, signal = new AbortController().signal) =>
    shared.ask('name', { keyId, signal }, (owner) => {
      const { promise, resolve, reject } = Promise.withResolvers<string>();
      begun.push({ owner, end: resolve, fail: reject });
      return promise;
    });
  return { ask, begun };
}

test('requests of one key share a task, other keys have their own', async () => {
  const { ask, begun } = work();
  const asked = [ask('a'), ask('a'), ask('b')];
  expect(begun.map(({ owner }) => owner.keyId)).toEqual(['a', 'b']);
  begun[1]?.end('made');
  expect(await Promise.all(asked)).toEqual(['made', 'made', 'made']);
  expect(begun[0]?.owner.signal.aborted).toBe(true);
  void ask('a');
  expect(begun.length).toBe(3);
});

test('a value that does not last is given to its key only', async () => {
  const { ask, begun } = work();
  const [refused, other] = [ask('a'), ask('b')];
  begun[0]?.end('passing');
  expect(await refused).toBe('passing');
  expect(begun[1]?.owner.signal.aborted).toBe(false);
  begun[1]?.end('made');
  expect(await other).toBe('made');
});

test('a task aborts when all of its requests have aborted, and the next request begins another', async () => {
  const { ask, begun } = work();
  const [one, two] = [new AbortController(), new AbortController()];
  void ask('a', one.signal);
  void ask('a', two.signal);
  one.abort();
  expect(begun[0]?.owner.signal.aborted).toBe(false);
  two.abort();
  expect(begun[0]?.owner.signal.aborted).toBe(true);
  const late = ask('a');
  expect(begun.length).toBe(2);
  begun[0]?.end('passing');
  begun[1]?.end('made');
  expect(await late).toBe('made');
});

test('a task that throws ends the requests of its key, and the next request begins another', async () => {
  const { ask, begun } = work();
  const asked = ask('a');
  begun[0]?.fail(new Error('bug'));
  await expect(asked).rejects.toThrow('bug');
  void ask('a');
  expect(begun.length).toBe(2);
});
