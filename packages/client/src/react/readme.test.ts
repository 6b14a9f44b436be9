import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { root, typeCheck } from '../testing/type-check.ts';

test('the components of the README have the types of the hooks', async () => {
  const page = await readFile(path.join(root, 'packages/client/README.md'), 'utf8');
  const components = [...page.matchAll(/```tsx\n([\s\S]*?)```/g)].map(([, code = '']) => code);
  expect(components.length).toBeGreaterThanOrEqual(3);
  const found = await typeCheck(components, {
    extension: 'tsx',
    extends: 'packages/client/tsconfig.react.json',
    compilerOptions: {
      jsx: 'react-jsx',
      paths: {
        'tailrace/react': [path.join(root, 'packages/client/src/react/index.ts')],
        react: [path.join(root, 'node_modules/@types/react')],
        'react/jsx-runtime': [path.join(root, 'node_modules/@types/react/jsx-runtime')],
      },
    },
  });
  expect(found).toBe('');
}, 60_000);
