import { describe, expect, test, vi } from 'vitest';
import { createArgumentsReader } from './request-json.ts';

describe('the arguments of calls', () => {
  test.each([
    ['', {}],
    [' \n', {}],
    ['{"a": [1]}', { a: [1] }],
    ['{"a": [1', { arguments: '{"a": [1' }],
    ['[1]', { arguments: '[1]' }],
  ])('%j are %j', (written, object) => {
    expect(createArgumentsReader().read(written)).toEqual(object);
  });

  test.each([
    ['nested deeper', `${'{"a":'.repeat(65)}1${'}'.repeat(65)}`],
    ['nested much deeper', '['.repeat(2_000_000)],
    ['made of more values', `{"a": [0${',0'.repeat(200_000)}]}`],
  ])('%s than the bounds allow are sent as they were written, unparsed', (_, written) => {
    const parser = vi.spyOn(JSON, 'parse');
    try {
      expect(createArgumentsReader().read(written)).toEqual({ arguments: written });
      expect(parser).not.toHaveBeenCalledWith(written);
    } finally {
      parser.mockRestore();
    }
  });

  test('report whether the spelling of a number was kept', () => {
    const { read, kept } = createArgumentsReader();
    read('{"a": 1}');
    read('torn {');
    expect(kept()).toBe(false);
    read('{"a": 1.0}');
    read('{"a": 1}');
    expect(kept()).toBe(true);
  });

  test('of one request share one bound', () => {
    const { read } = createArgumentsReader();
    const large = `{"a": [0${',0'.repeat(75_000)}]}`;
    expect(read(large)).toHaveProperty('a');
    expect(read(large)).toEqual({ arguments: large });
    expect(read('{"a": 1}')).toEqual({ a: 1 });
  });
});
