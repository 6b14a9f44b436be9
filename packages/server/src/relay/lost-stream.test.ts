import { expect, test } from 'vitest';
import { failure } from '../domain/failure.ts';
import { StreamImage } from '../journal/stream-image.ts';
import { factsOf } from '../journal/testing/stream-followers.ts';
import { followStream } from './follower.ts';
import type { Reader } from './reader.ts';

function reader() {
  const got: string[] = [];
  const reader: Reader = {
    begin: () => {},
    event(payload) {
      got.push(payload);
      // It is slow: it has taken this one, and wants no more for now.
      return false;
    },
    drained: () => new Promise((resolve) => setImmediate(resolve)),
    end: (payload) => got.push(`end ${payload}`),
    fail: ({ code }) => got.push(`fail ${code}`),
    abandon: () => got.push('abandoned'),
    unnumbered: () => got.push('unnumbered'),
  };
  return { reader, got };
}

test('where a stream is lost, only its own reader gets what the store may lack, and without numbers', async () => {
  const image = new StreamImage(factsOf(), {
    load: () => Promise.reject(new Error('none')),
    followed: () => {},
  });
  const [own, other] = [reader(), reader()];
  const follow = (to: Reader, isOwn: boolean) =>
    followStream(image, to, { after: 0, own: isOwn, errorEvent: () => '' });
  const ends = [follow(own.reader, true), follow(other.reader, false)].map(({ ended }) => ended);
  image.head = {};
  image.add('a');
  image.changed();
  // Both readers are still busy with the first event when the stream is lost, goes on and ends.
  image.broken = failure('storage_unavailable', 'Redis is away.');
  image.changed();
  image.add('b');
  image.ending = { type: 'whole', payload: '[DONE]' };
  image.changed();
  expect(await Promise.all(ends)).toEqual(['whole', image.broken]);
  expect(own.got).toEqual(['a', 'unnumbered', 'b', 'end [DONE]']);
  expect(other.got).toEqual(['a', 'unnumbered', 'fail storage_unavailable']);
});
