import path from 'node:path';
import { expect, it } from 'vitest';
import { root, runNode } from './run.ts';

/** The rule of CONTRIBUTING.md, "Where things are". */
const forTestsOnly = /\.(test|suite|bench)\.ts$|\/fake-[^/]*$|\/testing\//;

it.each(['server', 'protocol', 'conformance'])(
  'the build of packages/%s leaves out what only tests use',
  async (name) => {
    const { output } = await runNode('node_modules/typescript/bin/tsc', [
      '-p',
      `packages/${name}/tsconfig.build.json`,
      '--listFilesOnly',
    ]);
    const folder = path.join(root, 'packages', name, 'src');
    const built = output.split('\n').filter((file) => file.startsWith(folder));
    expect(built.length).toBeGreaterThan(5);
    expect(built.filter((file) => forTestsOnly.test(file))).toEqual([]);
  },
);
