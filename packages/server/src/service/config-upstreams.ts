import type { Config } from '../config/config.ts';
import type { Environment } from '../config/environment.ts';
import type { Log } from '../telemetry/log.ts';
import { type CreatedUpstreams, createUpstreams, type UpstreamDeps } from '../upstreams/registry.ts';
import { logKeyChange } from './log-key-change.ts';

/** The upstreams of a configuration; those whose part of it is as in `before` are taken over from there. */
export function upstreamsOf(
  { upstreams, timeouts, stream }: Config,
  env: Environment,
  log: Log,
  before?: CreatedUpstreams,
): Promise<CreatedUpstreams> {
  const deps: UpstreamDeps = {
    env,
    connectMs: timeouts.connectMs,
    maxEventBytes: stream.maxEventBytes,
    onKeyChange: (upstream, change) => logKeyChange(log, upstream, change),
  };
  return createUpstreams(upstreams, deps, before);
}
