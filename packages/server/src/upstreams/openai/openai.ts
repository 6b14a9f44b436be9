/**
 * Everything that speaks OpenAI's chat-completions protocol. What one server or provider does differently is
 * a row in `presets.ts`; what all of them may do wrong is put right in `normaliser.ts`.
 */
import { performance } from 'node:perf_hooks';
import { failure } from '../../domain/failure.ts';
import type { Capabilities } from '../../domain/requirements.ts';
import type { AnswerBody } from '../../transport/answer-body.ts';
import { type EventStream, ownWaitMs, type UpstreamCall } from '../contract.ts';
import { type BatchReader, type Begun, openLazily } from '../shared/lazy-stream.ts';
import {
  type CreatedProvider,
  createProviderTransport,
  type Provider,
  type ProviderOptions,
  type ProviderUpstream,
} from '../shared/provider-transport.ts';
import { readRefusal } from '../shared/read-refusal.ts';
import type { ErrorContext } from '../shared/refusal.ts';
import { requestHeaders } from '../shared/request-json.ts';
import { failureOfRefusal } from './errors.ts';
import { createLoadWatch } from './load-watch.ts';
import { type Preset, prefillOf } from './preset.ts';
import { azureApiVersion, genericPreset, presets } from './presets.ts';
import { refusalOf } from './refusals.ts';
import { requestText } from './request.ts';
import { readAnswer } from './stream.ts';

const loadHeaders = { 'endpoint-load-metrics-format': 'TEXT' };

/** Makes the upstream, or says what is wrong with its configuration. No connection is opened yet. */
export async function createOpenAiUpstream(options: ProviderOptions): Promise<CreatedProvider> {
  const { config } = options;
  const preset: Preset = config.preset === undefined ? genericPreset : presets[config.preset];
  const created = await createProviderTransport(options, preset.baseUrl, keyHeader(config.apiKey, preset));
  return created.ok ? { ok: true, upstream: upstreamOf(options, preset, created.provider) } : created;
}

/** The key in the form this preset takes it. */
function keyHeader(apiKey: string | undefined, preset: Preset): Readonly<Record<string, string>> {
  if (apiKey === undefined) return {};
  return preset.auth === 'bearer' ? { authorization: `Bearer ${apiKey}` } : { 'api-key': apiKey };
}

function upstreamOf(
  { name, maxEventBytes, usageWaitMs = 2_000, now = Date.now }: ProviderOptions,
  preset: Preset,
  { transport, baseUrl, hidden }: Provider,
): ProviderUpstream {
  const capabilities: Capabilities = new Set(preset.features);
  const errorsOf = ({ request }: UpstreamCall): ErrorContext => ({
    hidden,
    request,
    nowMs: now(),
  });
  let running = 0;
  const load =
    preset.load === undefined
      ? undefined
      : createLoadWatch({
          transport,
          signal: preset.load,
          own: () => running,
          now: () => performance.now(),
        });

  async function ask(call: UpstreamCall, signal: AbortSignal): Promise<Begun> {
    const asksForLoad = load?.watching === true && preset.load?.inAnswers === true;
    let opened: AnswerBody | undefined;
    let reader: BatchReader | undefined;
    running += 1;
    try {
      const posted = await transport.post(
        {
          path: requestPath(baseUrl, preset, call),
          headers: asksForLoad ? { ...requestHeaders, ...loadHeaders } : requestHeaders,
          body: requestText(call, preset),
          connectMs: call.connectMs,
        },
        signal,
      );
      if (signal.aborted && !posted.ok) return { stopped: true };
      if (!posted.ok) return { last: [{ type: 'failed', failure: posted.failure }] };
      const { status, headers, body } = posted.value;
      opened = body;
      const told = headers['endpoint-load-metrics'];
      if (typeof told === 'string') load?.heard(told);
      if (signal.aborted) return { stopped: true };
      if (status !== 200) {
        const refusal = await readRefusal(posted.value);
        if (signal.aborted) return { stopped: true };
        return { last: [{ type: 'failed', failure: failureOfRefusal(refusal, errorsOf(call)) }] };
      }
      const contentType = headers['content-type'];
      reader = readAnswer(
        body,
        {
          choices: call.request.n,
          completionId: call.completionId,
          finishReasons: preset.finishReasons,
          errors: () => errorsOf(call),
          maxEventBytes,
          usageWaitMs: ownWaitMs(call, usageWaitMs),
          contentType: typeof contentType === 'string' ? contentType : '',
          continues: call.prefix !== undefined,
          ...(call.prefix !== undefined && prefillOf(preset).echo ? { echo: call.prefix } : {}),
          onClosed: () => {
            running -= 1;
          },
        },
        signal,
      );
      return { reader };
    } finally {
      if (reader === undefined) {
        running -= 1;
        await opened?.return();
      }
    }
  }

  return {
    name,
    firstTokenClock: 'call',
    capabilities: () => capabilities,
    contextLength: () => undefined,
    refuses: (request) => refusalOf(request, preset),
    takeover: () => {
      if (preset.prefill === 'never') return undefined;
      return preset.prefill === undefined ? 'if-told' : 'prefix';
    },
    ...(load === undefined ? {} : { pressure: load.pressure }),
    stats: transport.stats,
    retire: () => {
      load?.close();
      transport.retire();
    },
    close: () => {
      load?.close();
      transport.close();
    },
    open(call, signal): EventStream {
      if (call.prefix !== undefined && preset.prefill === 'never') {
        return refused('This upstream cannot go on with a given beginning.');
      }
      return openLazily((stopped) => ask(call, stopped), signal);
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
  const own = prefillOf(preset).path;
  const isPublic = preset.baseUrl !== undefined && new URL(preset.baseUrl).origin === baseUrl.origin;
  if (call.prefix !== undefined && own !== undefined && isPublic) path = own;
  return query.size === 0 ? path : `${path}?${query}`;
}
