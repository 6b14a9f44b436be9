import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { rolldown } from 'rolldown';
import { expect, test } from 'vitest';

const folder = fileURLToPath(new URL('..', import.meta.url));
const core = "export { Tailrace } from './client/tailrace.ts';";

/** Bytes of each file of a page with this code, by its name: minified and compressed. React is the app's own. */
async function sizesOf(code: string): Promise<Readonly<Record<string, number>>> {
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
    const { output } = await bundle.generate({ format: 'es', minify: true, chunkFileNames: '[name].js' });
    return Object.fromEntries(
      output.map((file) => [
        file.fileName,
        file.type === 'chunk' ? gzipSync(file.code, { level: 9 }).length : 0,
      ]),
    );
  } finally {
    await bundle.close();
  }
}

test('the hooks are at most 3 kB more than the core, and what reads on through a route 0.9 kB more', async () => {
  const { 'size-entry.js': own = 0 } = await sizesOf(core);
  const { 'size-entry.js': both = 0, 'durable-events.js': route = 0 } = await sizesOf(
    `${core} export * from './react/index.ts';`,
  );
  expect(both - own).toBeGreaterThan(1_000);
  expect(both - own).toBeLessThanOrEqual(3_000);
  expect(route).toBeGreaterThan(100);
  expect(route).toBeLessThanOrEqual(900);
}, 60_000);
