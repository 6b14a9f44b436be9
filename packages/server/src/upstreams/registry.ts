import type { UpstreamConfig } from '../config/config.ts';
import { assertNever } from '../domain/assert-never.ts';
import { createValidationThread, type ValidationThread } from '../json-schema/validation-thread.ts';
import type { Environment } from '../transport/proxy.ts';
import { createAnthropicUpstream } from './anthropic/anthropic.ts';
import { checkAnswers } from './checked/checked-upstream.ts';
import type { Upstream } from './contract.ts';
import { createGeminiUpstream } from './gemini/gemini.ts';
import type { ProviderUpstream } from './http/provider-transport.ts';
import { createOpenAiUpstream } from './openai/openai.ts';
import { type CreatedUpstream, createScriptedUpstream } from './scripted/scripted.ts';
import type { ScriptClock } from './scripted/scripted-stream.ts';

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
  /** The same by name, with what a reload has to know of them. */
  readonly made: ReadonlyMap<string, MadeUpstream>;
  /**
   * The thread that validates their answers: one for the life of the process. It holds 40 MB while it waits, and what a key
   * has used of its time is not forgotten.
   */
  readonly schemas: ValidationThread;
  /**
   * Lets go of the upstreams that `successor` does not have (absent: of all): streams run to their end, and then nothing of
   * them is open any more.
   */
  retire(successor?: CreatedUpstreams): void;
}

interface MadeUpstream {
  readonly upstream: Upstream;
  /** Equal where an upstream would be made the same way again. */
  readonly from: string;
  retire(): void;
}

/**
 * Makes every configured upstream: the one place that knows which kind is made by which folder. What is
 * configured as it was `before` is taken over with its open connections; what reads a file is made anew, for the
 * file may have changed.
 */
export async function createUpstreams(
  configs: ReadonlyMap<string, UpstreamConfig>,
  deps: UpstreamDeps = {},
  before?: CreatedUpstreams,
): Promise<CreatedUpstreams> {
  const made = new Map<string, MadeUpstream>();
  const problems: string[] = [];
  // Nothing runs before the first schema comes, nor long after the last.
  const schemas = before?.schemas ?? createValidationThread();
  for (const [name, config] of configs) {
    const from = JSON.stringify([config, deps.maxEventBytes]);
    const known = before?.made.get(name);
    const readsFile = config.kind === 'scripted' || config.caFile !== undefined;
    if (known?.from === from && !readsFile) {
      made.set(name, known);
      continue;
    }
    const created = await createUpstream(name, config, deps);
    if (created.ok) {
      const upstream = checkAnswers(created.upstream, schemas);
      made.set(name, { upstream, from, retire: () => upstream.retire?.() });
    } else problems.push(...created.problems.map((problem) => `upstreams.${name}: ${problem}`));
  }
  return {
    upstreams: new Map([...made].map(([name, { upstream }]) => [name, upstream])),
    problems,
    made,
    schemas,
    retire(successor) {
      for (const [name, one] of made) if (successor?.made.get(name) !== one) one.retire();
    },
  };
}

async function createUpstream(
  name: string,
  config: UpstreamConfig,
  deps: UpstreamDeps,
): Promise<CreatedUpstream<Upstream & Partial<Pick<ProviderUpstream, 'retire'>>>> {
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
