import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

/** What a process has loaded of the code for traces: with traces off, and after that with a collector. */
const program = `
  import { registerHooks } from 'node:module';
  const loaded = [];
  registerHooks({
    load(url, context, next) {
      if (/telemetry\\/traces\\/|@opentelemetry/.test(url)) loaded.push(url.replace(/^.*traces\\//, ''));
      return next(url, context);
    },
  });
  for (const file of ['this-process', 'parent/worker-processes', 'worker/begin-worker', 'serve'])
    await import(new URL(file + '.ts', '${import.meta.url}').href);
  const { openTracing } = await import(new URL('open-tracing.ts', '${import.meta.url}').href);
  const log = { redact: (text) => text, info() {}, warn() {} };
  const off = [await openTracing({ telemetry: {} }, log), ...loaded];
  await openTracing({ telemetry: { traces: { endpoint: 'http://127.0.0.1:9', sample: 1, headers: {}, baggage: [] } } }, log);
  console.log(JSON.stringify({ off, on: loaded.includes('otlp/otlp-tracing.ts') }));
  process.exit();
`;

it('loads nothing of the code for traces where no collector is configured', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [
    '--conditions=tailrace-source',
    '--disable-warning=ExperimentalWarning',
    '--input-type=module',
    '--eval',
    program,
  ]);
  expect(JSON.parse(stdout)).toEqual({ off: [null], on: true });
});
