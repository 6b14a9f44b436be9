import { findGoProgram } from '../../tools/go-programs.ts';
import { type Child, startChild } from '../support/child.ts';
import { createScratch } from '../support/scratch.ts';
import { until } from '../support/until.ts';

/*
 * The OpenTelemetry Collector. `npm run soak -- --only collector` builds it with Go from `main.go`, which takes some minutes; after
 * that `npm test` uses it too. `TAILRACE_TEST_COLLECTOR` names another one.
 */

const program = process.env['TAILRACE_TEST_COLLECTOR'] ?? findGoProgram('otel-collector');

/** Why there is no collector here; undefined where there is one. */
export const withoutCollector: string | undefined =
  program === undefined
    ? 'npm run soak -- --only collector builds the OpenTelemetry Collector with Go'
    : undefined;

export interface RealCollector {
  readonly child: Child;
  stop(): Promise<void>;
}

/** Starts it on a port; it sends on to `to`, as JSON. The caller stops it. */
export async function startCollector(port: number, to: string): Promise<RealCollector> {
  if (program === undefined) throw new Error(withoutCollector);
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
  const child = startChild(program, ['--config', config]);
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
