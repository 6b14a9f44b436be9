import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { rolldown } from 'rolldown';
import { expect, test } from 'vitest';

const folder = fileURLToPath(new URL('..', import.meta.url));
const core = "export { Tailrace } from './client/tailrace.ts';";

/** Bytes of what a page loads first of this module: minified and compressed. React is the app's own. */
async function firstLoadBytes(code: string): Promise<number> {
  const entry = `${folder}size-entry.ts`;
  const bundle = await rolldown({
    input: entry,
    external: ['react'],
    platform: 'browser',
    resolve: { conditionNames: ['tailrace-source', 'import', 'default'] },
    plugins: [
      {
        name: 'entry',
        resolveId: (id) => (id === entry ? id : undefined),
        load: (id) => (id === entry ? code : undefined),
      },
    ],
    onLog: (level, log, report) => {
      if (log.code !== 'MODULE_LEVEL_DIRECTIVE') report(level, log);
    },
  });
  try {
    const { output } = await bundle.generate({ format: 'es', minify: true });
    return gzipSync(output[0].code, { level: 9 }).length;
  } finally {
    await bundle.close();
  }
}

test('the hooks are at most 3 kB more than the core', async () => {
  const more =
    (await firstLoadBytes(`${core} export * from './react/index.ts';`)) - (await firstLoadBytes(core));
  expect(more).toBeGreaterThan(1_000);
  expect(more).toBeLessThanOrEqual(3_000);
}, 60_000);
