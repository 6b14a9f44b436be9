import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { root } from '../run.ts';
import { generatedFiles } from './generated-files.ts';

it.each(generatedFiles)('$path is current (else: npm run docs)', async ({ path: file, renew }) => {
  const text = readFileSync(path.join(root, file), 'utf8');
  // The formatter has its own way with the line breaks of JSON.
  const content = (written: string): unknown => (file.endsWith('.json') ? JSON.parse(written) : written);
  expect(content(text)).toEqual(content(await renew(text)));
});
