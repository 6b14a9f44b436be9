import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Child, startChild } from '../support/child.ts';
import { createScratch } from '../support/scratch.ts';
import { until } from '../support/until.ts';

/*
 * The OpenTelemetry Collector. It is built with Go from `main.go`, which takes some minutes, in `npm run soak -- --only collector`; after
 * that `npm test` uses the program too. `TAILRACE_TEST_COLLECTOR` names another one.
 */

const source = fileURLToPath(new URL('.', import.meta.url));
const folder = fileURLToPath(new URL('../../.tools/collector', import.meta.url));
const built = `${folder}/collector`;

function program(): string | undefined {
  const named = process.env['TAILRACE_TEST_COLLECTOR'];
  if (named !== undefined) return named;
  return existsSync(built) ? built : undefined;
}

function hasGo(): boolean {
  try {
    execFileSync('go', ['version']);
    return true;
  } catch {
    return false;
  }
}

const builds = process.env['TAILRACE_TEST_WHOLE'] !== undefined;

/** Why there is no collector here; undefined where there is one, or it can be built now. */
export const withoutCollector: string | undefined =
  program() !== undefined || (builds && hasGo())
    ? undefined
    : builds
      ? 'Go is not installed'
      : 'npm run soak -- --only collector builds the OpenTelemetry Collector';

export interface RealCollector {
  readonly child: Child;
  stop(): Promise<void>;
}

/** Starts it on a port; it sends on to `to`, as JSON. The caller stops it. */
export async function startCollector(port: number, to: string): Promise<RealCollector> {
  const file = program() ?? build();
  const scratch = createScratch('collector');
  const config = scratch.write(
    'collector.yaml',
    JSON.stringify({
      receivers: { otlp: { protocols: { http: { endpoint: `127.0.0.1:${port}` } } } },
      exporters: { otlp_http: { endpoint: to, encoding: 'json' } },
      service: {
        pipelines: { traces: { receivers: ['otlp'], exporters: ['otlp_http'] } },
        telemetry: { metrics: { level: 'none' } },
      },
    }),
  );
  const child = startChild(file, ['--config', config]);
  await until('a collector that runs', 20_000, () => {
    if (child.exit() !== undefined) throw new Error(`the collector has ended: ${child.stderr()}`);
    return child.stderr().includes('Everything is ready') ? true : undefined;
  });
  return {
    child,
    async stop() {
      await child.end('SIGTERM', 5_000);
      scratch.remove();
    },
  };
}

function build(): string {
  mkdirSync(folder, { recursive: true });
  execFileSync('go', ['build', '-o', built, '.'], { cwd: source });
  return built;
}
