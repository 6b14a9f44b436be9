import { performance } from 'node:perf_hooks';
import type { Config, UpstreamConfig } from '../config/config.ts';
import { configSecrets } from '../config/config-secrets.ts';
import type { Environment } from '../config/environment.ts';
import { eachBatch } from '../domain/batches.ts';
import type { ChatRequest } from '../domain/chat-request.ts';
import { type Failure, failure } from '../domain/failure.ts';
import { commits } from '../domain/stream-event.ts';
import { createRedact } from '../telemetry/redact.ts';
import { causeText } from '../telemetry/request-log.ts';
import type { Upstream } from '../upstreams/contract.ts';
import { createUpstreams } from '../upstreams/registry.ts';
import { decodeChatRequest } from '../wire/chat/decode-request.ts';

/** The results of calling each target once. */
export interface Probed {
  /**
   * One for each target and key, in the order of the configuration, then one for each upstream without a target.
   */
  readonly lines: readonly string[];
  /** Whether every called target has given a whole answer. */
  readonly ok: boolean;
  /** One line for each upstream that could not be made. If there is one, no target is called. */
  readonly problems: readonly string[];
}

/** One call: of a target, with one key of its upstream. */
interface Place {
  readonly upstream: string;
  readonly model: string;
  /** Position of the key, from 1; undefined where the upstream has not several keys. */
  readonly key: number | undefined;
}

/**
 * Calls every target once with each key of its upstream, all at the same time: it asks for one token, streamed, and waits
 * `limitMs` at most. The lines are for the operator: they may contain hosts, and name a key by its position only.
 */
export async function probeUpstreams(
  config: Config,
  { env }: { readonly env: Environment },
  limitMs = 10_000,
): Promise<Probed> {
  const deps = {
    env,
    connectMs: Math.min(config.timeouts.connectMs, limitMs),
    maxEventBytes: config.stream.maxEventBytes,
  };
  const created = await createUpstreams(config.upstreams, deps);
  const nothing: Probed = { lines: [], ok: false, problems: created.problems };
  if (created.problems.length > 0) return nothing;
  const withOneKey = await createUpstreams(upstreamsWithOneKey(config.upstreams), deps);
  const redact = createRedact({ secrets: configSecrets(config), keyPrefixes: [config.auth.keyPrefix] });
  try {
    const results = await Promise.all(
      placesOf(config).map(async ({ upstream: name, model, key }) => {
        const upstream =
          key === undefined ? created.upstreams.get(name) : withOneKey.upstreams.get(nameWithKey(name, key));
        if (upstream === undefined) return { line: `${name}/${model}: skipped (it runs in the server)` };
        const { kind, apiKeys = [] } = config.upstreams.get(name) ?? {};
        if (kind === 'scripted') return { line: `${name}/${model}: skipped (it answers from a file)` };
        const answer = await callOnce(upstream, model, limitMs);
        const which = key === undefined ? '' : ` with key ${key} of ${apiKeys.length}`;
        return {
          line: `${name}/${model}${which}: ${describe(answer, config.logging.content)}`,
          failed: typeof answer !== 'number',
        };
      }),
    );
    const idle = [...config.upstreams.keys()].filter((name) => !isUsed(name, config));
    return {
      lines: [
        ...results.map(({ line }) => redact(line).replace(/\s+/g, ' ')),
        ...idle.map((name) => `${name}: skipped (no model has a target there)`),
      ],
      ok: !results.some(({ failed }) => failed === true),
      problems: [],
    };
  } finally {
    created.retire();
    withOneKey.retire();
  }
}

/** Every target once with each key, also where several models have it. */
function placesOf({ models, upstreams }: Config): readonly Place[] {
  const places = new Map<string, readonly Place[]>();
  for (const { targets } of models.values()) {
    for (const { upstream, model } of targets) {
      const keys = keysOf(upstreams.get(upstream));
      places.set(
        `${upstream}/${model}`,
        keys.map((key) => ({ upstream, model, key })),
      );
    }
  }
  return [...places.values()].flat();
}

/** The positions of several keys. */
function keysOf(config: UpstreamConfig | undefined): readonly Place['key'][] {
  const { apiKeys = [] } = config ?? {};
  return apiKeys.length > 1 ? apiKeys.map((_, index) => index + 1) : [undefined];
}

/** Each upstream with several keys, once with each of them: an upstream with several would ask with another one. */
function upstreamsWithOneKey(upstreams: Config['upstreams']): Config['upstreams'] {
  const made = new Map<string, UpstreamConfig>();
  for (const [name, config] of upstreams) {
    const { apiKeys = [] } = config;
    if (apiKeys.length < 2) continue;
    for (const [index, key] of apiKeys.entries()) {
      made.set(nameWithKey(name, index + 1), { ...config, apiKeys: [key] });
    }
  }
  return made;
}

/** No upstream of a configuration has a space in its name. */
function nameWithKey(name: string, key: number): string {
  return `${name} ${key}`;
}

function isUsed(name: string, { models }: Config): boolean {
  return [...models.values()].some(({ targets }) => targets.some(({ upstream }) => upstream === name));
}

/** The milliseconds to the first token of a whole answer, or the failure. */
async function callOnce(upstream: Upstream, model: string, limitMs: number): Promise<number | Failure> {
  const startedMs = performance.now();
  const deadline = new AbortController();
  const timer = setTimeout(() => deadline.abort(), limitMs);
  const stream = upstream.open(
    { request: smallRequest(model), model, keyId: 'probe', completionId: 'chatcmpl-probe' },
    deadline.signal,
  );
  let firstMs: number | undefined;
  try {
    for await (const batch of eachBatch(stream)) {
      for (const event of batch) {
        if (event.type === 'failed') return event.failure;
        if (commits(event)) firstMs ??= performance.now() - startedMs;
        if (event.type === 'finish') return firstMs ?? 0;
      }
    }
    return deadline.signal.aborted
      ? failure('first_token_timeout', `No whole answer within ${limitMs / 1_000} s.`)
      : failure('upstream_protocol', 'The answer ended before it was whole.');
  } finally {
    clearTimeout(timer);
    await stream.close();
  }
}

function smallRequest(model: string): ChatRequest {
  const decoded = decodeChatRequest({
    model,
    messages: [{ role: 'user', content: 'Hi' }],
    max_tokens: 1,
    stream: true,
  });
  if (!decoded.ok) throw new Error(decoded.failure.message);
  return decoded.value.request;
}

function describe(answer: number | Failure, withContent: boolean): string {
  if (typeof answer === 'number') return `ok (first token after ${Math.round(answer)} ms)`;
  const cause = causeText(answer, withContent);
  return `FAILED ${answer.code}: ${answer.message}${cause === undefined ? '' : ` [${cause}]`}`;
}
