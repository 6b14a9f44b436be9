import fc from 'fast-check';
import { expect, it } from 'vitest';
import { stemOf, wordsOf } from './words.ts';

it.each([
  [['close', 'closes', 'closed', 'closing']],
  [['stop', 'stops', 'stopped', 'stopping']],
  [['cancel', 'cancels', 'cancelled', 'cancellation', 'cancelling']],
  [['configure', 'configured', 'configuration']],
  [['buffer', 'buffers', 'buffered', 'buffering']],
  [['key', 'keys']],
  [['retry', 'retries', 'retried', 'retrying']],
  [['proxy', 'proxies']],
])('one word are %j', (words) => {
  expect(new Set(words.map(stemOf)).size).toBe(1);
});

it.each([
  ['status', 'stat'],
  ['this', 'thing'],
  ['stream', 'string'],
  ['limit', 'line'],
])('%s and %s stay two words', (one, other) => {
  expect(stemOf(one)).not.toBe(stemOf(other));
});

it('an identifier is a word, and its parts are words', () => {
  expect(wordsOf('Set `max_tokens`: the [limit](/docs/a#target) of it, customer’s')).toEqual([
    ...['set', 'max_tokens', 'max', 'tokens', 'the', 'limit', 'of', 'it', 'customer'],
  ]);
  expect(wordsOf('TailraceTargetDown, OpenAI, HTTP')).toEqual([
    ...['tailracetargetdown', 'tailrace', 'target', 'down', 'openai', 'open', 'ai', 'http'],
  ]);
});

it('each word has a stem, which is no longer', () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[a-z]{1,20}$/), (word) => {
      expect(stemOf(word).length).toBeGreaterThan(0);
      expect(stemOf(word).length).toBeLessThanOrEqual(word.length);
    }),
  );
});
