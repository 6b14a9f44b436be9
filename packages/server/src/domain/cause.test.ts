import { expect, test } from 'vitest';
import { causeOf, causeOfBug } from './cause.ts';
import { failure } from './failure.ts';

function thrownBy(work: () => unknown): unknown {
  try {
    return work();
  } catch (thrown) {
    return thrown;
  }
}

test('what was thrown is told by its name and its frames; its message, which may quote anything, stands apart', () => {
  const thrown = thrownBy(() => JSON.parse('my lighthouse plan'));
  const { detail, wording } = causeOfBug(thrown);
  expect(detail).toMatch(
    /^SyntaxError\n {4}at JSON\.parse \(<anonymous>\)\n|^SyntaxError\n {4}at .*cause\.test\.ts/,
  );
  expect(detail).not.toContain('lighthouse');
  expect(wording).toContain('lighthouse');
});

test('a message cannot pass for a frame', () => {
  const { detail } = causeOfBug(new Error('a\n    at my (lighthouse plan)\n    at my lighthouse plan'));
  expect(detail).not.toContain('lighthouse');
  const changed = new Error('my lighthouse plan');
  changed.message = 'other';
  expect(causeOfBug(changed).detail).not.toContain('lighthouse');
});

test('anything can be thrown', () => {
  expect(causeOfBug('my lighthouse plan')).toEqual({
    detail: 'a thrown string',
    wording: 'my lighthouse plan',
  });
  expect(causeOfBug(Object.assign(new Error('x'), { name: 'my lighthouse plan' })).detail).not.toContain(
    'lighthouse',
  );
});

test('the cause of a failure is what of it is there', () => {
  expect(causeOf(failure('upstream_cut', 'x'))).toEqual({});
  expect(causeOf(failure('upstream_cut', 'x', { detail: 'd', wording: 'w', permanent: true }))).toEqual({
    detail: 'd',
    wording: 'w',
  });
});
