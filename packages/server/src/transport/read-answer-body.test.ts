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

  test('returns the whole body, or what came before a cut', async () => {
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

  test('stops at its bound, and destroys the connection', async () => {
    const from = source();
    const queue = createBodyQueue(from);
    queue.push(Buffer.from('0123456789'), 0, 10);
    expect(text(await readAnswerBody(queue.body, { maxBytes: 4 }))).toEqual(['0123', 'too-large']);
    expect(from.destroyed).toBe(true);
  });

  test('stops at its time limit', async () => {
    const from = source();
    const queue = createBodyQueue(from);
    queue.push(Buffer.from('slow'), 0, 4);
    expect(text(await readAnswerBody(queue.body, { maxBytes: 100, maxMs: 5 }))).toEqual(['slow', 'too-slow']);
    expect(from.destroyed).toBe(true);
  });
});
