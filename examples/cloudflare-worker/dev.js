// Runs the worker here, in the runtime that Cloudflare uses. `wrangler dev` does the same and more.
import { build } from 'esbuild';
import { Miniflare } from 'miniflare';

const built = await build({
  entryPoints: [new URL('src/worker.js', import.meta.url).pathname],
  bundle: true,
  format: 'esm',
  write: false,
  conditions: ['workerd', 'worker', 'browser'],
});
const worker = new Miniflare({
  modules: true,
  script: built.outputFiles[0].text,
  compatibilityDate: '2026-07-01',
  host: '127.0.0.1',
  port: Number(process.env.PORT ?? 8787),
  bindings: {
    TAILRACE_API_KEY: process.env.TAILRACE_API_KEY ?? '',
    TAILRACE_BASE_URL: process.env.TAILRACE_BASE_URL ?? 'http://127.0.0.1:7245/v1',
    TAILRACE_MODEL: process.env.TAILRACE_MODEL ?? 'default',
  },
});
console.log(String(await worker.ready).replace(/\/$/, ''));
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => worker.dispose());
