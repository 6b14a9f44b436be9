/*
 * Writes the files, and the parts of pages, that are made from code. A unit test fails where one is not current.
 *
 *     npm run docs
 */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { generatedFiles } from './docs/generated-files.ts';
import { root, runNode } from './run.ts';

for (const { path: file, renew } of generatedFiles) {
  const place = path.join(root, file);
  writeFileSync(place, await renew(readFileSync(place, 'utf8')));
}
const { code, output } = await runNode('node_modules/@biomejs/biome/bin/biome', [
  'format',
  '--write',
  ...generatedFiles.map(({ path: file }) => file).filter((file) => file.endsWith('.json')),
]);
if (code !== 0) process.stderr.write(output);
process.exitCode = code;
