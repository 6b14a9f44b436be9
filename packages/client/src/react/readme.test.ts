import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';

const root = fileURLToPath(new URL('../../../../', import.meta.url));

test('the components of the README have the types of the hooks', async () => {
  const page = await readFile(path.join(root, 'packages/client/README.md'), 'utf8');
  const components = [...page.matchAll(/```tsx\n([\s\S]*?)```/g)].map(([, code = '']) => code);
  expect(components.length).toBeGreaterThanOrEqual(3);
  const folder = await mkdtemp(path.join(tmpdir(), 'tailrace-readme-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  await Promise.all(
    components.map((code, index) => writeFile(path.join(folder, `component-${index}.tsx`), code)),
  );
  const config = {
    extends: path.join(root, 'packages/client/tsconfig.react.json'),
    compilerOptions: {
      jsx: 'react-jsx',
      module: 'esnext',
      moduleResolution: 'bundler',
      typeRoots: [path.join(root, 'node_modules/@types')],
      paths: {
        'tailrace/react': [path.join(root, 'packages/client/src/react/index.ts')],
        react: [path.join(root, 'node_modules/@types/react')],
        'react/jsx-runtime': [path.join(root, 'node_modules/@types/react/jsx-runtime')],
      },
    },
    include: [`${folder}/*.tsx`],
  };
  const file = path.join(folder, 'tsconfig.json');
  await writeFile(file, JSON.stringify(config));
  const tsc = path.join(root, 'node_modules/typescript/bin/tsc');
  const { stdout } = await promisify(execFile)(process.execPath, [tsc, '-p', file]).catch(
    (error: { stdout: string }) => error,
  );
  expect(stdout).toBe('');
}, 60_000);
