import type { UpstreamConfig } from '../config/config.ts';
import { assertNever } from '../domain/assert-never.ts';
import { createValidationThread, type ValidationThread } from '../json-schema/validation-thread.ts';
import type { Environment } from '../transport/proxy.ts';
import { checkAnswers } from './checked/checked-upstream.ts';
import type { Upstream } from './contract.ts';
import type { KeyChange, UpstreamKeys } from './http/keys/upstream-keys.ts';
import type { ProviderUpstream } from './http/provider-transport.ts';
import type { CreatedUpstream } from './scripted/scripted.ts';
import type { ScriptClock } from './scripted/scripted-stream.ts';

export type { KeyChange };

/** What upstreams need from outside. */
export interface UpstreamDeps {
  /** The clock of scripted upstreams. Default: the system's timers. */
  readonly scriptClock?: ScriptClock;
  /** The environment from which the proxy variables are read. Default: none. */
  readonly env?: Environment;
  /** The timeout of a new connection, in milliseconds. Default 5,000. */
  readonly connectMs?: number;
  /** The largest event of an upstream that is read, in bytes. Default 1 MiB. */
  readonly maxEventBytes?: number;
  /** Called where an upstream refuses or limits one of its several keys, and where it accepts that key again. */
  readonly onKeyChange?: (upstream: string, change: KeyChange) => void;
}

/** The upstreams of one configuration. */
export interface CreatedUpstreams {
  /** By name, in the order of the configuration. */
  readonly upstreams: ReadonlyMap<string, Upstream>;
  /** One line for each mistake in the configuration; the upstreams with mistakes are missing from the map. */
  readonly problems: readonly string[];
  /** The same upstreams by name, as a reload compares them. */
  readonly made: ReadonlyMap<string, MadeUpstream>;
  /**
   * The thread that validates their answers. A reload keeps it: a thread takes 40 MB, and it remembers the time that each key
   * has used.
   */
  readonly schemas: ValidationThread;
  /**
   * Retires the upstreams that `successor` does not have (absent: all). Each of them still serves its streams to their end, and
   * closes a connection when no stream uses it.
   */
  retire(successor?: CreatedUpstreams): void;
}

interface MadeUpstream {
  readonly upstream: Upstream;
  readonly config: UpstreamConfig;
  /** Absent where the kind has no keys. */
  readonly keys: UpstreamKeys | undefined;
  /** The configuration from which it was made, as JSON. */
  readonly from: string;
  retire(): void;
}

/**
 * Makes every configured upstream: the one function that knows the folder of each kind. An upstream whose configuration is the
 * same as `before` is kept with its open connections. One that reads a file is made anew, because the file may have changed. The
 * rests of keys are kept in both cases, where the keys are for the same provider.
 */
export async function createUpstreams(
  configs: ReadonlyMap<string, UpstreamConfig>,
  deps: UpstreamDeps = {},
  before?: CreatedUpstreams,
): Promise<CreatedUpstreams> {
  const made = new Map<string, MadeUpstream>();
  const problems: string[] = [];
  // The thread starts with the first schema, and ends some time after the last.
  const schemas = before?.schemas ?? createValidationThread();
  for (const [name, config] of configs) {
    const from = JSON.stringify([config, deps.maxEventBytes]);
    const known = before?.made.get(name);
    const readsFile = config.kind === 'scripted' || config.caFile !== undefined;
    if (known?.from === from && !readsFile) {
      made.set(name, known);
      continue;
    }
    const keysBefore = known !== undefined && sameProvider(known.config, config) ? known.keys : undefined;
    const created = await createUpstream(name, config, deps, keysBefore);
    if (created.ok) {
      const upstream = checkAnswers(created.upstream, schemas);
      made.set(name, { upstream, config, keys: upstream.keys, from, retire: () => upstream.retire?.() });
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

function sameProvider(one: UpstreamConfig, other: UpstreamConfig): boolean {
  return one.kind === other.kind && one.preset === other.preset && one.baseUrl === other.baseUrl;
}

async function createUpstream(
  name: string,
  config: UpstreamConfig,
  deps: UpstreamDeps,
  keysBefore: UpstreamKeys | undefined,
): Promise<CreatedUpstream<Upstream & Partial<Pick<ProviderUpstream, 'retire' | 'keys'>>>> {
  const { onKeyChange } = deps;
  const provider = {
    name,
    config,
    env: deps.env ?? {},
    connectMs: deps.connectMs ?? 5_000,
    maxEventBytes: deps.maxEventBytes ?? 1024 * 1024,
    keysBefore,
    ...(onKeyChange === undefined ? {} : { onKeyChange: (change: KeyChange) => onKeyChange(name, change) }),
  };
  // Each kind is loaded where it is used: scripted answers alone take 5 MB, for the reader of their file.
  switch (config.kind) {
    case 'scripted': {
      if (config.script === undefined) {
        return { ok: false, problems: ['kind scripted needs script: the file with its answers'] };
      }
      const { createScriptedUpstream } = await import('./scripted/scripted.ts');
      return createScriptedUpstream({
        name,
        script: config.script,
        ...(deps.scriptClock === undefined ? {} : { clock: deps.scriptClock }),
      });
    }
    case 'openai':
      return (await import('./openai/openai.ts')).createOpenAiUpstream(provider);
    case 'anthropic':
      return (await import('./anthropic/anthropic.ts')).createAnthropicUpstream(provider);
    case 'gemini':
      return (await import('./gemini/gemini.ts')).createGeminiUpstream(provider);
    default:
      return assertNever(config.kind);
  }
}
