import { assertNever } from '../domain/assert-never.ts';
import type { Log } from '../telemetry/log.ts';
import type { KeyChange } from '../upstreams/registry.ts';

/** Requests succeed with the other keys of the upstream, so only the log shows the operator that a key has failed. */
export function logKeyChange(log: Log, upstream: string, { position, of, became, restMs }: KeyChange): void {
  const key = `${position} of ${of}`;
  switch (became) {
    case 'refused':
      log.warn('an upstream refused a key', { upstream, key, rest_ms: restMs });
      return;
    case 'limited':
      log.debug('an upstream limited a key', { upstream, key, rest_ms: restMs });
      return;
    case 'accepted':
      log.info('an upstream accepts a key again', { upstream, key });
      return;
    default:
      assertNever(became);
  }
}
