import { expect, test } from 'vitest';
import { devScript } from './dev-script.cjs';

test('check alone judges this repository', () => {
  expect(devScript(['check'])).toBe('tools/check.ts');
});

test.each([['http://a/v1'], ['localhost:8000'], ['--help'], ['--key', 'k', 'HTTPS://a'], ['ftp://a']])(
  'check %s is the command of the server',
  (...args) => {
    expect(devScript(['check', ...args])).toBe(undefined);
  },
);

test('other commands of developers take arguments; those of the server are none', () => {
  expect(devScript(['pack', 'folder'])).toBe('tools/pack.ts');
  expect(devScript(['serve'])).toBe(undefined);
  expect(devScript([])).toBe(undefined);
});
