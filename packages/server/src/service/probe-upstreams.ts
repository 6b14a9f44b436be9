import { performance } from 'node:perf_hooks';
import type { Config } from '../config/config.ts';
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
  /** One for each target, in the order of the configuration, then one for each upstream without a target. */
  readonly lines: readonly string[];
  /** Whether every called target has given a whole answer. */
  readonly ok: boolean;
  /** One line for each upstream that could not be made. If there is one, no target is called. */
  readonly problems: readonly string[];
}

interface Place {
  readonly upstream: string;
  readonly model: string;
}

/**
 * Calls every target once, all at the same time: it asks for one token, streamed, and waits `limitMs` at most. The lines
 * are for the operator: they may contain hosts, never keys.
 */
export async function probeUpstreams(
  config: Config,
  { env }: { readonly env: Environment },
  limitMs = 10_000,
): Promise<Probed> {
  const created = await createUpstreams(config.upstreams, {
    env,
    connectMs: Math.min(config.timeouts.connectMs, limitMs),
    maxEventBytes: config.stream.maxEventBytes,
  });
  const nothing: Probed = { lines: [], ok: false, problems: created.problems };
  if (created.problems.length > 0) return nothing;
  const redact = createRedact({ secrets: configSecrets(config), keyPrefixes: [config.auth.keyPrefix] });
  try {
    const results = await Promise.all(
      placesOf(config).map(async ({ upstream: name, model }) => {
        const upstream = created.upstreams.get(name);
        if (upstream === undefined) return { line: `${name}/${model}: skipped (it runs in the server)` };
        const { kind } = config.upstreams.get(name) ?? {};
        if (kind === 'scripted') return { line: `${name}/${model}: skipped (it answers from a file)` };
        const answer = await callOnce(upstream, model, limitMs);
        return {
          line: `${name}/${model}: ${describe(answer, config.logging.content)}`,
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
  }
}

/** Every target once, also where several models have it. */
function placesOf({ models }: Config): readonly Place[] {
  const places = new Map<string, Place>();
  for (const { targets } of models.values()) {
    for (const { upstream, model } of targets) places.set(`${upstream}/${model}`, { upstream, model });
  }
  return [...places.values()];
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
