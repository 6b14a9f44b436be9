import { expect, test } from 'vitest';
import { createOutbox } from './messages.ts';

/** An outbox on a clock of the test. */
function outboxWithClock() {
  const sent: string[][] = [];
  const timers: { readonly dueMs: number; readonly work: () => void }[] = [];
  const leaving: (() => void)[] = [];
  let nowMs = 0;
  let timersStarted = 0;
  const outbox = createOutbox<string>((messages) => void sent.push([...messages]), {
    lateMs: 10,
    after(ms, work) {
      timersStarted += 1;
      timers.push({ dueMs: nowMs + ms, work });
      return () => {};
    },
    soon: (work) => void leaving.push(work),
  });
  return {
    ...outbox,
    sent,
    started: () => timersStarted,
    endTurn() {
      for (const work of leaving.splice(0)) work();
    },
    pass(ms: number) {
      nowMs += ms;
      for (const timer of timers.filter(({ dueMs }) => dueMs <= nowMs)) {
        timers.splice(timers.indexOf(timer), 1);
        timer.work();
      }
    },
  };
}

test('a late message leaves with the next message that does not wait', () => {
  const box = outboxWithClock();
  box.postLate('late');
  box.post('now');
  box.post('now too');
  box.endTurn();
  expect(box.sent).toEqual([['late', 'now', 'now too']]);
});

test('a late message leaves alone when its time is over, and nothing is sent after it', () => {
  const box = outboxWithClock();
  box.postLate('late');
  box.pass(9);
  expect(box.sent).toEqual([]);
  box.pass(1);
  expect(box.sent).toEqual([['late']]);
  box.pass(100);
  expect(box.sent).toEqual([['late']]);
});

test('while messages leave all the time one timer runs, and a late message waits for twice the time at most', () => {
  const box = outboxWithClock();
  for (let left = 9; left > 0; left -= 1) {
    box.postLate('late');
    box.post('now');
    box.endTurn();
    box.pass(1);
  }
  expect(box.started()).toBe(1);
  box.sent.length = 0;
  box.postLate('last');
  box.pass(1);
  expect(box.sent).toEqual([]);
  box.pass(10);
  expect(box.sent).toEqual([['last']]);
});

test('without a message the outbox asks its owner when the time is over', () => {
  const box = outboxWithClock();
  box.postLate();
  box.pass(10);
  expect(box.sent).toEqual([[]]);
});
