import type { Config } from '../config/config.ts';
import { version } from '../config/version.ts';
import type { ServerLog } from '../telemetry/create-log.ts';
import type { Tracing } from '../telemetry/traces/contract.ts';

/** How long the last spans may hold up the end of the process, in milliseconds. */
export const lastSpansMs = 2_000;

/** Where the OpenTelemetry API keeps what an SDK has registered in this process (its major version is 1). */
const registered = Symbol.for('opentelemetry.js.api.1');

/**
 * What collects the spans of this process: its own exporter, where the configuration names a collector; else the SDK that the
 * operator has loaded into the process before it (`node --import`). Undefined: nothing is traced, and no code for it is loaded.
 * The caller closes it.
 */
export async function openTracing(
  { telemetry: { traces } }: Config,
  log: ServerLog,
): Promise<Tracing | undefined> {
  if (traces !== undefined) {
    const { createOtlpTracing } = await import('../telemetry/traces/otlp/otlp-tracing.ts');
    return createOtlpTracing({ ...traces, version: version(), log, redact: log.redact });
  }
  const api: unknown = Reflect.get(globalThis, registered);
  if (typeof api !== 'object' || api === null || !('trace' in api)) return undefined;
  const { createSdkTracing } = await import('../telemetry/traces/sdk/sdk-tracing.ts');
  return await createSdkTracing(version(), log);
}
