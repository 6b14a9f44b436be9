import { describe, expect, test } from 'vitest';
import { failure } from '../domain/failure.ts';
import { type BodySource, createBodyQueue } from './answer-body.ts';
import { readAnswerBody } from './read-answer-body.ts';

function source(): BodySource & { destroyed: boolean } {
  return {
    destroyed: false,
    pause() {},
    resume() {},
    detach() {},
    destroy() {
      this.destroyed = true;
    },
  };
}

describe('reading a body into memory', () => {
  const text = ({ bytes, short }: Awaited<ReturnType<typeof readAnswerBody>>) => [
    Buffer.from(bytes).toString(),
    short,
  ];

  test('whole, or as far as it came', async () => {
    for (const [end, short] of [
      [undefined, undefined],
      [failure('upstream_cut', 'cut'), 'cut'],
    ] as const) {
      const queue = createBodyQueue(source());
      queue.push(Buffer.from('so '), 0, 3);
      const read = readAnswerBody(queue.body, { maxBytes: 100 });
      queue.push(Buffer.from('far'), 0, 3);
      queue.end(end);
      expect(text(await read)).toEqual(['so far', short]);
    }
  });

  test('stops at its bound, and destroys what it does not read', async () => {
    const from = source();
    const queue = createBodyQueue(from);
    queue.push(Buffer.from('0123456789'), 0, 10);
    expect(text(await readAnswerBody(queue.body, { maxBytes: 4 }))).toEqual(['0123', 'too-large']);
    expect(from.destroyed).toBe(true);
  });

  test('gives up on one that does not end', async () => {
    const from = source();
    const queue = createBodyQueue(from);
    queue.push(Buffer.from('slow'), 0, 4);
    expect(text(await readAnswerBody(queue.body, { maxBytes: 100, maxMs: 5 }))).toEqual(['slow', 'too-slow']);
    expect(from.destroyed).toBe(true);
  });
});
