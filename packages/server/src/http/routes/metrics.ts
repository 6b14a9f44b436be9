import type { Config } from '../../config/config.ts';
import type { Reading } from '../../telemetry/contract.ts';
import { contentTypes, type ExpositionFormat, writeExposition } from '../../telemetry/metrics/exposition.ts';
import { replyText } from '../reply.ts';
import type { Route } from '../route.ts';
import { wantedType } from '../wanted-type.ts';

/**
 * `GET /metrics`: the whole service for Prometheus, in its text format or, where the client asks for it, as OpenMetrics. It asks for the
 * admin key where `telemetry.metrics` says so; `auto`: where the server listens on more than loopback.
 */
export function metricsRoute(
  { telemetry, server }: Pick<Config, 'telemetry' | 'server'>,
  read: () => Promise<Reading>,
): Route {
  const isPublic = telemetry.metrics === 'public' || (telemetry.metrics === 'auto' && server.listen.loopback);
  return {
    method: 'GET',
    path: '/metrics',
    access: isPublic ? 'public' : 'admin',
    // A scraper may be configured with parameters of its own.
    readsQuery: true,
    async handle(exchange) {
      const format = formatOf(exchange.request.headers.accept);
      await replyText(exchange, contentTypes[format], await writeExposition(await read(), format));
    },
  };
}

function formatOf(accept: string | undefined): ExpositionFormat {
  const wanted = wantedType(accept, ['text/plain', 'application/openmetrics-text']);
  return wanted === 'text/plain' ? 'prometheus' : 'openmetrics';
}
