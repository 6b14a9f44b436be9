import { describe, expect, test } from 'vitest';
import { failure } from '../domain/failure.ts';
import { createFakeReader } from './fake-reader.ts';
import { createPayloadLog } from './payload-log.ts';
import type { Reader } from './reader.ts';

const logOf = (most?: number) => createPayloadLog((reason) => `!${reason.code}`, most);
const head = { target: 'lab/m', keepalive: () => undefined };

/** A log that has begun and holds these payloads. */
function written(payloads: readonly string[], most?: number) {
  const log = logOf(most);
  log.begin(head);
  for (const payload of payloads) log.event(payload);
  return log;
}

describe('a log of payloads', () => {
  test('is read from any event number on', () => {
    const log = written(['a', 'b', 'c']);
    for (const after of [0, 1, 2, 3]) {
      const { reader, events, state } = createFakeReader();
      log.attach(reader, after);
      expect(events).toEqual(['a', 'b', 'c'].slice(after));
      expect(state.head).toBe(head);
    }
  });

  test('refuses an event number that it has not reached, before any head', () => {
    const log = written(['a', 'b']);
    for (const after of [3, 1_000, -1, 0.5, Number.NaN]) {
      const { reader, events, state } = createFakeReader();
      log.attach(reader, after);
      log.event('more');
      log.end(undefined);
      expect(state).toMatchObject({ head: undefined, ending: 'failed', code: 'invalid_value' });
      expect(events).toEqual([]);
    }
  });

  test('keeps the newest payloads within its bound; a reader that needs older ones fails before any head', () => {
    const numbers = Array.from({ length: 10_000 }, (_, number) => String(number).padStart(5, '0'));
    const log = written(numbers, 5 * 100);
    const late = createFakeReader();
    log.attach(late.reader);
    expect(late.state).toMatchObject({ head: undefined, ending: 'failed', code: 'events_gone' });
    const newest = createFakeReader();
    log.attach(newest.reader, 9_900);
    expect(newest.events).toEqual(numbers.slice(-100));
    log.event('10000');
    log.end(undefined);
    expect(newest.events.at(-1)).toBe('10000');
    expect(newest.state.ending).toBe('whole');
  });

  test('a reader whose next payload was dropped ends with the error event of the surface', async () => {
    const log = logOf(10);
    const { reader, events, state, unblock } = createFakeReader(1);
    log.attach(reader);
    log.begin(head);
    for (let number = 0; number < 40; number += 1) log.event('x');
    unblock();
    await Promise.resolve();
    await Promise.resolve();
    expect(events).toEqual(['x', '!events_gone']);
    expect(state.code).toBe('events_gone');
  });

  test('makes the error event once, for all its readers', () => {
    const log = written(['a']);
    const readers = [createFakeReader(), createFakeReader()];
    for (const { reader } of readers) log.attach(reader);
    let made = 0;
    log.fail(failure('upstream_cut', 'It broke off.'), () => {
      made += 1;
      return `fail ${made}`;
    });
    for (const { events } of readers) expect(events).toEqual(['a', 'fail 1']);
  });

  test('hands nothing to a reader that has left, also where it leaves within a call of event()', () => {
    const log = written(['a', 'b', 'c']);
    const { reader, events, state } = createFakeReader();
    const leaving: Reader = {
      ...reader,
      event: (payload) => {
        reader.event(payload);
        if (payload === 'd') detach();
        return true;
      },
    };
    const { detach } = log.attach(leaving);
    log.event('d');
    log.event('e');
    log.end(undefined);
    detach();
    expect(events).toEqual(['a', 'b', 'c', 'd']);
    expect(state.ending).toBe('abandoned');
  });

  test('ends a reader that has a bug, and no other reader', async () => {
    const log = written(['a']);
    const broken = createFakeReader();
    const stuck = createFakeReader();
    const good = createFakeReader();
    const bug = () => {
      throw new Error('a bug of this reader');
    };
    log.attach({ ...broken.reader, event: bug });
    log.attach({ ...stuck.reader, event: () => false, drained: () => Promise.reject(new Error('a bug')) });
    log.attach({ ...createFakeReader().reader, event: bug, abandon: bug });
    log.attach({
      ...createFakeReader().reader,
      event: () => false,
      drained: () => Promise.reject(new Error('a bug')),
      abandon: bug,
    });
    log.attach({ ...createFakeReader().reader, abandon: bug }).detach();
    log.attach({ ...createFakeReader().reader, fail: bug, abandon: bug }, 99);
    log.attach(good.reader);
    await Promise.resolve();
    await Promise.resolve();
    log.event('b');
    log.end('end');
    expect(broken.state.ending).toBe('abandoned');
    expect(stuck.state.ending).toBe('abandoned');
    expect(good.events).toEqual(['a', 'b', 'end']);
  });
});
