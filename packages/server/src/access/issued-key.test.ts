import { expect, it } from 'vitest';
import { hashOfKey, issueKey, newKeyId } from './issued-key.ts';

it('a key has its prefix and 43 letters and digits, and is known by its hash', () => {
  const issued = issueKey('tr_');
  expect(issued.key).toMatch(/^tr_[0-9A-Za-z]{43}$/);
  expect(issued.hash).toBe(hashOfKey(issued.key));
  expect(issued.hash).toMatch(/^[0-9a-f]{64}$/);
  expect(issued.prefix).toBe(`${issued.key.slice(0, 7)}…`);
});

it('keys and ids are never made twice', () => {
  const made = Array.from({ length: 2_000 }, () => issueKey('').key);
  expect(new Set(made).size).toBe(2_000);
  // Every digit occurs at every place but the first, where the largest value leaves fewer.
  for (let place = 1; place < 43; place += 1) {
    expect(new Set(made.map((key) => key[place])).size).toBe(62);
  }
  expect(newKeyId()).toMatch(/^key_[0-9a-f]{16}$/);
  expect(newKeyId()).not.toBe(newKeyId());
});
