import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatDuration, formatSize, parseDuration, parseListen, parseSize } from './units.ts';

describe('durations', () => {
  it.each([
    ['250ms', 250],
    ['0s', 0],
    ['10s', 10_000],
    ['5m', 300_000],
    ['24h', 86_400_000],
    ['90d', 7_776_000_000],
  ])('reads %s', (text, milliseconds) => {
    expect(parseDuration(text)).toBe(milliseconds);
  });

  it.each([
    '',
    '10',
    's',
    '1.5s',
    '-1s',
    '10 s',
    '10S',
    '1h30m',
    '10sec',
    '1e3s',
    '٣s',
    '9999999999999d',
    '999999999999d',
  ])('refuses %j', (text) => {
    expect(parseDuration(text)).toBeUndefined();
  });

  it('reads back what it writes', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 10 ** 11 }), (milliseconds) => {
        expect(parseDuration(formatDuration(milliseconds))).toBe(milliseconds);
      }),
    );
  });
});

describe('sizes', () => {
  it.each([
    ['512B', 512],
    ['64KiB', 65_536],
    ['1MiB', 1_048_576],
    ['2GiB', 2_147_483_648],
  ])('reads %s', (text, bytes) => {
    expect(parseSize(text)).toBe(bytes);
  });

  it.each(['', '10', '10MB', '10kb', '1.5MiB', '-1KiB', '1 MiB', '1TiB', '999999999999GiB'])(
    'refuses %j',
    (text) => {
      expect(parseSize(text)).toBeUndefined();
    },
  );

  it('reads back what it writes', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 39 }), (bytes) => {
        expect(parseSize(formatSize(bytes))).toBe(bytes);
      }),
    );
  });
});

describe('listen addresses', () => {
  it.each([
    ['127.0.0.1:7245', '127.0.0.1', 7245, true],
    ['127.1.2.3:1', '127.1.2.3', 1, true],
    ['localhost:0', 'localhost', 0, true],
    ['[::1]:7245', '::1', 7245, true],
    ['[0:0:0:0:0:0:0:1]:7245', '0:0:0:0:0:0:0:1', 7245, true],
    ['0.0.0.0:80', '0.0.0.0', 80, false],
    ['[::]:7245', '::', 7245, false],
    ['10.0.0.5:65535', '10.0.0.5', 65_535, false],
    ['ai.example.org:443', 'ai.example.org', 443, false],
    ['localhost.example.org:1', 'localhost.example.org', 1, false],
    ['my-host:1', 'my-host', 1, false],
  ])('reads %s', (text, host, port, loopback) => {
    expect(parseListen(text)).toEqual({ host, port, loopback });
  });

  it.each([
    '',
    '7245',
    ':7245',
    '127.0.0.1',
    '127.0.0.1:',
    '127.0.0.1:65536',
    '::1:7245',
    '[::1]',
    '[127.0.0.1]:1',
    '127.1:80',
    '0:80',
    '999.1.1.1:80',
    'a b:80',
    'http://h:80',
    '-a:80',
  ])('refuses %j', (text) => {
    expect(parseListen(text)).toBeUndefined();
  });
});
