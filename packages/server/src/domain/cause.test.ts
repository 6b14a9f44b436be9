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

test('the detail of a thrown error is its name and its frames; its message, which may quote data, is the wording', () => {
  const thrown = thrownBy(() => JSON.parse('my lighthouse plan'));
  const { detail, wording } = causeOfBug(thrown);
  expect(detail).toMatch(
    /^SyntaxError\n {4}at JSON\.parse \(<anonymous>\)\n|^SyntaxError\n {4}at .*cause\.test\.ts/,
  );
  expect(detail).not.toContain('lighthouse');
  expect(wording).toContain('lighthouse');
});

test('a message that looks like a frame is not part of the detail', () => {
  const { detail } = causeOfBug(new Error('a\n    at my (lighthouse plan)\n    at my lighthouse plan'));
  expect(detail).not.toContain('lighthouse');
  const changed = new Error('my lighthouse plan');
  changed.message = 'other';
  expect(causeOfBug(changed).detail).not.toContain('lighthouse');
});

test('values that are no errors, and errors with odd names, have a cause too', () => {
  expect(causeOfBug('my lighthouse plan')).toEqual({
    detail: 'a thrown string',
    wording: 'my lighthouse plan',
  });
  expect(causeOfBug(Object.assign(new Error('x'), { name: 'my lighthouse plan' })).detail).not.toContain(
    'lighthouse',
  );
});

test('the cause of a failure holds its detail and its wording, where it has them', () => {
  expect(causeOf(failure('upstream_cut', 'x'))).toEqual({});
  expect(causeOf(failure('upstream_cut', 'x', { detail: 'd', wording: 'w', permanent: true }))).toEqual({
    detail: 'd',
    wording: 'w',
  });
});
