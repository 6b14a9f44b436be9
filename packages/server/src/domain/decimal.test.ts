import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { atScale, formatDecimal, parseDecimal, shifted } from './decimal.ts';

describe('a decimal', () => {
  test.each([
    ['0.15', '0.15'],
    ['0.150', '0.15'],
    ['.5', '0.5'],
    ['5.', '5'],
    ['+3', '3'],
    ['007', '7'],
    ['0', '0'],
    ['0.000', '0'],
    ['0e99', '0'],
    ['1.5e-07', '0.00000015'],
    ['2.9999999999999997e-07', '0.00000029999999999999997'],
    ['1E3', '1000'],
    ['12.5e1', '125'],
    ['12.5e2', '1250'],
    ['1200', '1200'],
    ['12345678901234567890.123', '12345678901234567890.123'],
  ])('is read exactly: %s', (text, plain) => {
    const read = parseDecimal(text);
    expect(read && formatDecimal(read)).toBe(plain);
  });

  test.each([
    '',
    '.',
    '-1',
    '-0',
    'e5',
    '1e',
    '1e1234',
    '0x10',
    'Infinity',
    'NaN',
    '1_000',
    '1,5',
    '$1',
    ' 1',
    '1.2.3',
    '9'.repeat(65),
  ])('is not: %j', (text) => {
    expect(parseDecimal(text)).toBeUndefined();
  });

  test('has the same value at each scale that holds it, and none at a smaller one', () => {
    const half = { units: 5n, decimals: 1 };
    expect(atScale(half, 1)).toBe(5n);
    expect(atScale(half, 3)).toBe(500n);
    expect(atScale(half, 0)).toBeUndefined();
  });

  test('that a number of JavaScript was written as is that number', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 1e-20, max: 1e20, noNaN: true }),
        fc.integer({ min: 0, max: 30 }),
        (number, scale) => {
          const read = parseDecimal(String(number));
          if (read === undefined) throw new Error('it is not read');
          expect(Number(formatDecimal(read))).toBe(number);
          expect(parseDecimal(formatDecimal(read))).toEqual(read);
          const back = shifted(shifted(read, scale), -scale);
          // A whole number that was multiplied keeps its value, with zeros behind its point.
          expect(atScale(back, 60)).toBe(atScale(read, 60));
        },
      ),
    );
  });
});
