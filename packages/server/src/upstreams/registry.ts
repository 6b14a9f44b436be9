import type { UpstreamConfig } from '../config/config.ts';
import { assertNever } from '../domain/assert-never.ts';
import type { Environment } from '../transport/proxy.ts';
import { createAnthropicUpstream } from './anthropic/anthropic.ts';
import type { Upstream } from './contract.ts';
import { createGeminiUpstream } from './gemini/gemini.ts';
import { createOpenAiUpstream } from './openai/openai.ts';
import { type CreatedUpstream, createScriptedUpstream, type ScriptClock } from './scripted/scripted.ts';

/** What the kinds need from outside. */
export interface UpstreamDeps {
  /** Paces scripted upstreams; absent, the system's timers do. */
  readonly scriptClock?: ScriptClock;
  /** Whose proxy variables count. Default: none. */
  readonly env?: Environment;
  /** How long a connection may take to come about. Default 5,000. */
  readonly connectMs?: number;
  /** What one event of an upstream may hold. Default 1 MiB. */
  readonly maxEventBytes?: number;
}

export interface CreatedUpstreams {
  /** By name, in the order of the configuration. */
  readonly upstreams: ReadonlyMap<string, Upstream>;
  /** One line for each thing the operator got wrong; the upstreams concerned are missing from the map. */
  readonly problems: readonly string[];
}

/**
 * Makes every configured upstream: the one place that knows which kind is made by which folder.
 */
export async function createUpstreams(
  configs: ReadonlyMap<string, UpstreamConfig>,
  deps: UpstreamDeps = {},
): Promise<CreatedUpstreams> {
  const upstreams = new Map<string, Upstream>();
  const problems: string[] = [];
  for (const [name, config] of configs) {
    const created = await createUpstream(name, config, deps);
    if (created.ok) upstreams.set(name, created.upstream);
    else problems.push(...created.problems.map((problem) => `upstreams.${name}: ${problem}`));
  }
  return { upstreams, problems };
}

async function createUpstream(
  name: string,
  config: UpstreamConfig,
  deps: UpstreamDeps,
): Promise<CreatedUpstream<Upstream>> {
  const provider = {
    name,
    config,
    env: deps.env ?? {},
    connectMs: deps.connectMs ?? 5_000,
    maxEventBytes: deps.maxEventBytes ?? 1024 * 1024,
  };
  switch (config.kind) {
    case 'scripted':
      if (config.script === undefined) {
        return { ok: false, problems: ['kind scripted needs script: the file with its answers'] };
      }
      return createScriptedUpstream({
        name,
        script: config.script,
        ...(deps.scriptClock === undefined ? {} : { clock: deps.scriptClock }),
      });
    case 'openai':
      return createOpenAiUpstream(provider);
    case 'anthropic':
      return createAnthropicUpstream(provider);
    case 'gemini':
      return createGeminiUpstream(provider);
    default:
      return assertNever(config.kind);
  }
}
