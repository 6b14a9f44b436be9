import { readdirSync, readFileSync } from 'node:fs';
import { transformSync } from '@swc/core';
import { expect, test } from 'vitest';

// Node 12 parses ES2019. What was added to the language later, swc rewrites for it: then the two texts differ.
const compiled = (source: string, target: 'es2019' | 'esnext'): string =>
  transformSync(source, { jsc: { target, parser: { syntax: 'ecmascript' } }, isModule: false }).code;

const folder = new URL('./', import.meta.url);
const files = readdirSync(folder).filter((name) => name.endsWith('.cjs'));

test.each(files)('Node 12 can parse %s', (name) => {
  const source = readFileSync(new URL(name, folder), 'utf8');
  expect(compiled(source, 'es2019')).toBe(compiled(source, 'esnext'));
});

test.each(['a?.b', 'a ?? b', 'a ??= b', '1_000', 'class A { #b = 1 }'])(
  'this test finds what Node 12 cannot parse: %s',
  (source) => {
    expect(compiled(source, 'es2019')).not.toBe(compiled(source, 'esnext'));
  },
);

test.each(files)(
  '%s imports Node’s own modules and its neighbours only, by the names that Node 12 knows',
  (name) => {
    const source = readFileSync(new URL(name, folder), 'utf8');
    const imported = [...source.matchAll(/require\('([^']*)'\)/g)].map(([, from = '']) => from);
    const allowed = [
      ...files.map((file) => `./${file}`),
      'child_process',
      'crypto',
      'dns',
      'fs',
      'net',
      'os',
      'path',
      'url',
    ];
    expect(imported.filter((from) => !allowed.includes(from))).toEqual([]);
  },
);
