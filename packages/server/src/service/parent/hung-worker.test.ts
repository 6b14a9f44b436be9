import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { watchForHang } from './hung-worker.ts';

/** A worker that is asked every two seconds; a tick passes when the test says so. */
function watched(hasBegun = () => true) {
  const ended = Promise.withResolvers<{ reason: string; lastLines: readonly string[] }>();
  const asked: (() => void)[] = [];
  const ticks: (() => void)[] = [];
  const passedTicks: WeakRef<object>[] = [];
  const errors: string[] = [];
  let kills = 0;
  const over = watchForHang(
    {
      number: 1,
      ask: (() => new Promise<void>((resolve) => asked.push(resolve))) as never,
      process: {
        pid: 7,
        kill() {
          kills += 1;
          ended.resolve({ reason: 'SIGKILL', lastLines: [] });
        },
        ended: ended.promise,
        link: undefined as never,
        give() {},
      },
    },
    {
      log: { error: (message) => void errors.push(message) },
      wait: () =>
        new Promise((resolve) => {
          ticks.push(() => {
            const passed = {};
            passedTicks.push(new WeakRef(passed));
            resolve(passed as never);
          });
        }),
      hasBegun,
    },
  );
  const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
  const tick = async () => {
    ticks.pop()?.();
    await turn();
  };
  return {
    asked,
    errors,
    tick,
    turn,
    over,
    end: ended.resolve,
    kills: () => kills,
    passedTicks,
  };
}

test('a worker that does not answer for five ticks is killed, once', async () => {
  const { tick, kills, errors, over } = watched();
  for (let at = 0; at < 4; at += 1) await tick();
  expect(kills()).toBe(0);
  await tick();
  expect(kills()).toBe(1);
  expect(errors).toEqual(['a worker hangs; it is killed']);
  await over;
});

test('a worker that answers late lives, and is asked again', async () => {
  const { asked, tick, turn, kills, end, over } = watched();
  for (let round = 1; round <= 3; round += 1) {
    expect(asked).toHaveLength(round);
    for (let at = 0; at < 4; at += 1) await tick();
    asked.at(-1)?.();
    await turn();
    await tick();
  }
  expect(kills()).toBe(0);
  end({ reason: 'exit 0', lastLines: [] });
  await turn();
  await tick();
  await over;
});

test('a worker that starts has a minute for an answer, and ten seconds from when it has begun', async () => {
  let begun = false;
  const { asked, tick, turn, kills, over } = watched(() => begun);
  for (let at = 0; at < 29; at += 1) await tick();
  expect(kills()).toBe(0);
  asked.at(-1)?.();
  begun = true;
  await turn();
  await tick();
  for (let at = 0; at < 5; at += 1) await tick();
  expect(kills()).toBe(1);
  await over;
});

test('a worker that never answers while it starts is killed', async () => {
  const { tick, kills, over } = watched(() => false);
  for (let at = 0; at < 30; at += 1) await tick();
  expect(kills()).toBe(1);
  await over;
});

test('the questions leave nothing behind at a worker that lives for long', async () => {
  setFlagsFromString('--expose-gc');
  const collectGarbage = runInNewContext('gc') as () => void;
  const { asked, tick, turn, passedTicks, over } = watched();
  for (let round = 0; round < 100; round += 1) {
    asked.at(-1)?.();
    await turn();
    await tick();
  }
  collectGarbage();
  expect(passedTicks).toHaveLength(100);
  expect(passedTicks.filter((passed) => passed.deref() !== undefined).length).toBeLessThan(10);
  expect(over).toBeInstanceOf(Promise);
});
