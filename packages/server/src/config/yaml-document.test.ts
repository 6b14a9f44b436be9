// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references of the configuration look like that.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readYaml } from './yaml-document.ts';

const value = (text: string): unknown => readYaml(text, {}).document?.value;
const messages = (text: string): readonly string[] =>
  readYaml(text, {}).problems.map(({ position, message }) => `${position?.line}: ${message}`);

describe('plain data', () => {
  it('reads the core schema: no, on and off are texts', () => {
    expect(value('a: no\non: off\nb: true\nc: 0x10\nd: 1.5\ne: "7"\n')).toEqual({
      a: 'no',
      on: 'off',
      b: true,
      c: 16,
      d: 1.5,
      e: '7',
    });
  });

  it('reads every key as a text', () => {
    expect(value('3: a\nnull: b\ntrue: c\n')).toEqual({ '3': 'a', null: 'b', true: 'c' });
  });

  it('treats a key without a value as absent', () => {
    expect(value('models:\n  # none yet\nserver: {listen: , workers: 2}\n')).toEqual({
      server: { workers: 2 },
    });
  });

  it('follows aliases', () => {
    expect(value('a: &x {k: 1}\nb: *x\n')).toEqual({ a: { k: 1 }, b: { k: 1 } });
  });

  it.each(['', '# nothing\n', '---\n', 'null'])('treats %j as an empty file', (text) => {
    expect(value(text) ?? undefined).toBeUndefined();
    expect(messages(text)).toEqual([]);
  });
});

describe('positions', () => {
  const { document } = readYaml('server:\n  listen: x\nmodels:\n  a/b: {targets: [{upstream: lab}]}\n', {});

  it('gives the position of a value and of its key', () => {
    expect(document?.valueAt(['server', 'listen'])).toEqual({ line: 2, column: 11 });
    expect(document?.keyAt(['server', 'listen'])).toEqual({ line: 2, column: 3 });
    expect(document?.valueAt(['models', 'a/b', 'targets', 0, 'upstream'])).toEqual({ line: 4, column: 30 });
  });

  it('gives the nearest position around a missing value', () => {
    expect(document?.valueAt(['models', 'a/b', 'targets', 0, 'model'])?.line).toBe(4);
    expect(document?.valueAt(['nothing'])?.line).toBe(1);
  });
});

describe('what is refused', () => {
  it.each([
    ['a: 1\nb: [1,\n', '3: not valid YAML: the indentation does not fit, or a bracket is not closed'],
    ['a: &x 1\na: *x\n', '2: this key is here twice in the same mapping'],
    ['a: *x\nb: &x 1\n', '1: there is no anchor &x before this alias'],
    ['a: &a &b 1\n', '1: not valid YAML: more than one anchor on one value'],
    ['a: 1\na: 2\n', '2: this key is here twice in the same mapping'],
    ['a:\n\tb: 1\n', '2: not valid YAML: a tab in the indentation; YAML takes spaces only'],
    [
      'a: {k: ${X}}\n',
      '1: not valid YAML: this does not belong here; inside {…} and […] a reference needs quotes: "${NAME}"',
    ],
    ['a: !secret x\n', '1: a YAML tag (!name) that means nothing here; quote the text if it starts with "!"'],
    ['? {a: 1}\n: 1\n', '1: a key must be a plain text'],
    [
      'a: 1\n---\nb: 1\n',
      '2: not valid YAML: a second YAML document begins here; a configuration is one document',
    ],
    ['a: *nowhere\n', '1: there is no anchor &nowhere before this alias'],
    [
      'upstreams: {a: {api_key: *hush}}\n',
      '1: an alias (*name) of an anchor that is not before it; quote the text if it starts with "*"',
    ],
    ['a: &a [*a]\n', '1: nested deeper than 32 levels'],
    ['__proto__: {x: 1}\n', '1: this name is not available'],
    ['a: b: c\n', '1: not valid YAML: a second ": " on the line; quote the text that holds it'],
  ])('%j', (text, message) => {
    expect(messages(text)).toEqual([message]);
  });

  it('an alias refers to the last anchor of its name before it', () => {
    const { document } = readYaml('a: &x [1, &y 2]\nb: *x\nc: &y 3\nd: *y\ne: *x\nf: *y\n&z g: 1\nh: *z', {});
    expect(document?.value).toMatchObject({ b: [1, 2], d: 3, e: [1, 2], f: 3, h: 'g' });
  });

  it('aliases that multiply', () => {
    const lines = ['a0: &a0 [x, x, x, x, x, x, x, x, x, x]'];
    for (let n = 1; n < 9; n++)
      lines.push(
        `a${n}: &a${n} [${Array(10)
          .fill(`*a${n - 1}`)
          .join(', ')}]`,
      );
    expect(messages(lines.join('\n'))).toContainEqual(expect.stringContaining('more than 200 aliases'));
  });

  it('nesting that would overflow the stack', () => {
    expect(messages('['.repeat(20_000))).toHaveLength(1);
    expect(messages(`a: ${'{a: '.repeat(50)}1${'}'.repeat(50)}`)).toEqual([
      '1: nested deeper than 32 levels',
    ]);
  });

  it('a message about syntax never quotes the source', () => {
    const secret = 'sk-0123456789abcdef';
    expect(messages(`a: [x\n${secret}: "\\q"\n}`).join()).not.toContain(secret);
  });
});

it('returns data or problems for any text, and never throws', () => {
  const line = fc.oneof(
    fc.string({ maxLength: 20 }),
    fc.constantFrom(
      'a:',
      '  b: 1',
      '- x',
      '{',
      '}',
      '[',
      ']',
      '&a',
      '*a',
      '? ',
      ': ',
      '"',
      "'",
      '|',
      '>',
      '\t',
      '---',
      '!t',
      '${A',
      '}',
      '<<: *a',
      '%YAML 9',
    ),
  );
  fc.assert(
    fc.property(fc.array(line, { maxLength: 12 }), (lines) => {
      const { document, problems } = readYaml(lines.join('\n'), {});
      expect(document !== undefined || problems.length > 0).toBe(true);
    }),
    { numRuns: 500 },
  );
});
