/**
 * Everything that speaks OpenAI's chat-completions protocol. What one server or provider does differently is
 * a row in `presets.ts`; what all of them may do wrong is put right in `normaliser.ts`.
 */
import { readFile } from 'node:fs/promises';
import type { UpstreamConfig } from '../../config/config.ts';
import { failure } from '../../domain/failure.ts';
import type { Capabilities } from '../../domain/requirements.ts';
import type { EventBatch } from '../../domain/stream-event.ts';
import type { Environment } from '../../transport/proxy.ts';
import { readBody } from '../../transport/read-body.ts';
import { createTransport, type Transport, type TransportStats } from '../../transport/transport.ts';
import type { EventStream, Upstream, UpstreamCall } from '../contract.ts';
import type { ErrorContext } from '../shared/refusal.ts';
import { failureOf } from './errors.ts';
import type { Preset } from './preset.ts';
import { azureApiVersion, findPreset, genericPreset } from './presets.ts';
import { requestBody } from './request.ts';
import { readAnswer } from './stream.ts';

export interface OpenAiUpstream extends Upstream {
  /** Sockets, for those who look after leaks. */
  readonly stats: TransportStats;
  /** Destroys every connection, running streams included. */
  close(): void;
}

export interface OpenAiOptions {
  readonly name: string;
  readonly config: UpstreamConfig;
  /** For its proxy variables. */
  readonly env: Environment;
  readonly connectMs: number;
  readonly maxEventBytes: number;
  /** How long a finish waits for its usage, in milliseconds. Default 2,000 (contract, section 7). */
  readonly usageWaitMs?: number;
  /** Unix milliseconds. Default: the system's clock. */
  readonly now?: () => number;
}

export type CreatedOpenAi =
  | { readonly ok: true; readonly upstream: OpenAiUpstream }
  | { readonly ok: false; readonly problems: readonly string[] };

const maxErrorBytes = 64 * 1024;
const maxErrorMs = 2_000;

/** Makes the upstream, or says what is wrong with its configuration. No connection is opened yet. */
export async function createOpenAiUpstream(options: OpenAiOptions): Promise<CreatedOpenAi> {
  const { config } = options;
  const preset = config.preset === undefined ? genericPreset : findPreset(config.preset);
  if (preset === undefined) return problem(`there is no preset '${config.preset}'`);
  const address = config.baseUrl ?? preset.baseUrl;
  if (address === undefined) return problem(`preset ${config.preset} needs a base_url`);
  if (!URL.canParse(address)) return problem('base_url is not a URL');
  const baseUrl = new URL(address);

  let ca: string | undefined;
  if (config.caFile !== undefined) {
    try {
      ca = await readFile(config.caFile, 'utf8');
    } catch (error) {
      return problem(`ca_file: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  const transport = createTransport({
    origin: baseUrl,
    headers: headersOf(config, preset),
    connectMs: options.connectMs,
    env: options.env,
    ...(config.proxy === undefined ? {} : { proxy: config.proxy }),
    ...(ca === undefined ? {} : { ca }),
  });
  if (!transport.ok) return problem(transport.failure.message);
  return { ok: true, upstream: upstreamOf(options, preset, baseUrl, transport.value) };
}

function problem(text: string): CreatedOpenAi {
  return { ok: false, problems: [text] };
}

/** The key in the form this preset takes it; a header that the operator names wins. */
function headersOf(config: UpstreamConfig, preset: Preset): Record<string, string> {
  const headers: Record<string, string> = {};
  if (config.apiKey !== undefined) {
    if (preset.auth === 'bearer') headers['authorization'] = `Bearer ${config.apiKey}`;
    else headers['api-key'] = config.apiKey;
  }
  for (const [name, value] of Object.entries(config.headers)) headers[name.toLowerCase()] = value;
  return headers;
}

function upstreamOf(
  options: OpenAiOptions,
  preset: Preset,
  baseUrl: URL,
  transport: Transport,
): OpenAiUpstream {
  const { name, config, maxEventBytes, usageWaitMs = 2_000, now = Date.now } = options;
  const capabilities: Capabilities = new Set(preset.features);
  const hidden = [config.apiKey, baseUrl.host, baseUrl.hostname].filter((text) => text !== undefined);
  const errors = (): ErrorContext => ({ hidden, nowMs: now() });

  async function* run(
    call: UpstreamCall,
    signal: AbortSignal,
  ): AsyncGenerator<EventBatch, undefined, undefined> {
    if (signal.aborted) return;
    const posted = await transport.post(
      {
        path: requestPath(baseUrl, preset, call),
        headers: {
          'content-type': 'application/json',
          accept: 'text/event-stream',
          'user-agent': 'tailrace',
        },
        body: JSON.stringify(requestBody(call, preset)),
      },
      signal,
    );
    if (!posted.ok) {
      if (!signal.aborted) yield [{ type: 'failed', failure: posted.failure }];
      return;
    }
    const { status, headers, body } = posted.value;
    try {
      if (signal.aborted) return;
      if (status !== 200) {
        const read = await readBody(body, { maxBytes: maxErrorBytes, maxMs: maxErrorMs });
        if (signal.aborted) return;
        const text = Buffer.from(read.bytes).toString('utf8');
        yield [{ type: 'failed', failure: failureOf({ status, headers, body: text }, errors()) }];
        return;
      }
      const contentType = headers['content-type'];
      yield* readAnswer(
        body,
        {
          choices: call.request.n,
          completionId: call.completionId,
          finishReasons: preset.finishReasons,
          errors,
          maxEventBytes,
          usageWaitMs,
          contentType: typeof contentType === 'string' ? contentType : '',
          ...(call.prefix !== undefined && preset.prefill?.echo === true ? { echo: call.prefix } : {}),
        },
        signal,
      );
    } finally {
      await body.return();
    }
  }

  return {
    name,
    firstTokenClock: 'call',
    capabilities: () => capabilities,
    contextLength: () => undefined,
    takeover: () => (preset.prefill === undefined ? undefined : 'prefix'),
    stats: transport.stats,
    close: () => transport.close(),
    open(call, signal): EventStream {
      if (call.prefix !== undefined && preset.prefill === undefined) {
        return refused('This upstream cannot go on with a given beginning.');
      }
      // `return` has to wake a stream that waits, so it needs an abort of its own.
      const stop = new AbortController();
      const batches = run(call, AbortSignal.any([signal, stop.signal]));
      return {
        next: () => batches.next(),
        async return() {
          stop.abort();
          await batches.return(undefined);
          return { done: true, value: undefined };
        },
      };
    },
  };
}

/** A stream that only says why it is none. */
function refused(message: string): EventStream {
  let told = false;
  return {
    async next() {
      if (told) return { done: true, value: undefined };
      told = true;
      return { done: false, value: [{ type: 'failed', failure: failure('upstream_refused', message) }] };
    },
    async return() {
      told = true;
      return { done: true, value: undefined };
    },
  };
}

/** Path and query of a call: base URL + `/chat/completions`, with Azure's and a prefill's own way. */
export function requestPath(
  baseUrl: URL,
  preset: Preset,
  call: Pick<UpstreamCall, 'model' | 'prefix'>,
): string {
  const base = baseUrl.pathname.replace(/\/+$/, '');
  const query = new URLSearchParams(baseUrl.search);
  let path = `${base}/chat/completions`;
  if (preset.path === 'deployments' && !/\/v1$/.test(base)) {
    path = `${base}/deployments/${encodeURIComponent(call.model)}/chat/completions`;
    if (!query.has('api-version')) query.set('api-version', azureApiVersion);
  }
  const own = preset.prefill?.path;
  const isPublic = preset.baseUrl !== undefined && new URL(preset.baseUrl).origin === baseUrl.origin;
  if (call.prefix !== undefined && own !== undefined && isPublic) path = own;
  return query.size === 0 ? path : `${path}?${query}`;
}
