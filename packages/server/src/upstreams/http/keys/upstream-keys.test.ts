import { expect, test } from 'vitest';
import type { KeyFault } from '../../../domain/failure.ts';
import { createUpstreamKeys, type KeyChange, type UpstreamKeys } from './upstream-keys.ts';

let nowMs = 0;
const changes: KeyChange[] = [];

function keysOf(texts: readonly string[], before?: UpstreamKeys): UpstreamKeys {
  changes.length = 0;
  if (before === undefined) nowMs = 1_000_000;
  return createUpstreamKeys({
    keys: texts,
    headersOf: (key) => ({ 'x-key': key ?? 'none' }),
    now: () => nowMs,
    before,
    onChange: (change) => changes.push(change),
  });
}

/** Takes a turn and reports its end; returns the key. */
function use(keys: UpstreamKeys, ends: KeyFault | 'accepted' | 'unknown', retryAfterMs?: number): unknown {
  const turn = keys.take();
  if (ends === 'accepted') turn.accepted();
  else if (ends !== 'unknown') turn.failed(ends, retryAfterMs);
  return turn.requestHeaders['x-key'];
}

const uses = (keys: UpstreamKeys, count: number) =>
  Array.from({ length: count }, () => use(keys, 'accepted')).join('');

test('keys take turns', () => {
  expect(uses(keysOf(['a', 'b', 'c']), 7)).toBe('abcabca');
});

test('an upstream without a key has one entry, without a key in its headers', () => {
  const keys = keysOf([]);
  expect(keys.count).toBe(1);
  expect(keys.take().requestHeaders).toMatchObject({ 'x-key': 'none', accept: 'text/event-stream' });
  expect(keys.headers()).toEqual({ 'x-key': 'none' });
});

test('a limited key rests for the time that the provider names', () => {
  const keys = keysOf(['a', 'b', 'c']);
  use(keys, 'limited', 7_000);
  expect(uses(keys, 4)).toBe('bcbc');
  nowMs += 6_999;
  expect(uses(keys, 2)).toBe('bc');
  nowMs += 1;
  expect(uses(keys, 3)).toBe('abc');
});

test.each<[KeyFault, readonly number[]]>([
  ['limited', [1, 2, 4, 8, 16, 32, 60, 60]],
  ['refused', [60, 120, 240, 480, 600, 600]],
])('the rest of a key that is %s again and again becomes longer, up to a limit', (fault, seconds) => {
  const keys = keysOf(['a', 'b']);
  for (const rest of seconds) {
    // It is the turn of a, and then of b.
    expect(use(keys, fault)).toBe('a');
    nowMs += rest * 1_000 - 1;
    expect(uses(keys, 2)).toBe('bb');
    nowMs += 1;
  }
});

test('an accepted request ends the rest and its history', () => {
  const keys = keysOf(['a', 'b']);
  for (const _ of [1, 2, 3]) {
    use(keys, 'limited');
    nowMs += 60_000;
    use(keys, 'accepted');
  }
  expect(use(keys, 'accepted')).toBe('a');
  use(keys, 'accepted');
  use(keys, 'limited');
  nowMs += 1_000;
  expect(uses(keys, 2)).toBe('ba');
});

test('where all keys rest, the one that is due first is asked', () => {
  const keys = keysOf(['a', 'b', 'c']);
  use(keys, 'refused');
  use(keys, 'limited', 9_000);
  use(keys, 'limited', 20_000);
  expect(keys.dueInMs()).toBe(9_000);
  expect([use(keys, 'unknown'), use(keys, 'limited', 30_000), use(keys, 'unknown')]).toEqual(['b', 'b', 'c']);
  nowMs += 20_000;
  expect(keys.dueInMs()).toBe(0);
});

test('a key whose rest is over gets one request a second until it is accepted', () => {
  const keys = keysOf(['a', 'b', 'c']);
  use(keys, 'refused');
  uses(keys, 2);
  nowMs += 60_000;
  expect(use(keys, 'unknown')).toBe('a');
  expect(uses(keys, 4)).toBe('bcbc');
  nowMs += 1_000;
  expect(uses(keys, 4)).toBe('abca');
});

test('requests that run at the same time count as one fault, and an older one does not end a rest', () => {
  const keys = keysOf(['a', 'b']);
  const turns = [1, 2, 3, 4, 5].map(() => keys.take()).filter((_, index) => index % 2 === 0);
  nowMs += 10;
  turns[0]?.failed('limited', undefined);
  nowMs += 10;
  turns[1]?.failed('limited', undefined);
  turns[2]?.accepted();
  expect(uses(keys, 2)).toBe('bb');
  nowMs += 990;
  expect(use(keys, 'unknown')).toBe('a');
});

test('keys that stay at a reload keep their rests', () => {
  const before = keysOf(['a', 'b']);
  use(before, 'refused');
  const after = keysOf(['c', 'a'], before);
  expect(uses(after, 3)).toBe('ccc');
  nowMs += 60_000;
  expect(uses(after, 2)).toBe('ac');
  expect(changes).toEqual([{ position: 2, of: 2, became: 'accepted', restMs: 0 }]);
});

test('reports each refusal, the first limit in a row, and a refused key that is accepted, by position', () => {
  const keys = keysOf(['a', 'b']);
  use(keys, 'refused');
  use(keys, 'limited', 5_000);
  nowMs += 5_000;
  use(keys, 'limited');
  nowMs += 55_000;
  use(keys, 'refused');
  nowMs += 120_000;
  use(keys, 'accepted');
  use(keys, 'accepted');
  expect(changes).toEqual([
    { position: 1, of: 2, became: 'refused', restMs: 60_000 },
    { position: 2, of: 2, became: 'limited', restMs: 5_000 },
    { position: 1, of: 2, became: 'refused', restMs: 120_000 },
    { position: 1, of: 2, became: 'accepted', restMs: 0 },
  ]);
});
