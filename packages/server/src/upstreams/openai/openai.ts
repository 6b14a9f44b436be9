/**
 * All servers and providers with OpenAI's chat-completions protocol. `presets.ts` has a row for each with its differences;
 * `stream.ts` repairs the mistakes that any of them may make.
 */
import { performance } from 'node:perf_hooks';
import { fail, failure, ok } from '../../domain/failure.ts';
import type { Capabilities } from '../../domain/requirements.ts';
import type { Transport } from '../../transport/transport.ts';
import type { UpstreamCall } from '../contract.ts';
import { toolNamesOf } from '../http/answer/tool-names.ts';
import { createHttpUpstream, joinPath, type LoadReports, type Protocol } from '../http/http-upstream.ts';
import type { CreatedProvider, ProviderOptions } from '../http/provider-transport.ts';
import { failureOfRefusal } from './errors.ts';
import { createLoadWatch } from './load-watch.ts';
import { featuresOf, type LoadSignal, type Preset, prefillOf } from './preset.ts';
import { azureApiVersion, genericPreset, presets } from './presets.ts';
import { refusalOf } from './refusals.ts';
import { requestBody } from './request.ts';
import { createChatDialect } from './stream.ts';

/** Makes an upstream, or the list of problems of its configuration. It opens no connection yet. The caller closes it. */
export async function createOpenAiUpstream(options: ProviderOptions): Promise<CreatedProvider> {
  const { config } = options;
  const preset: Preset = config.preset === undefined ? genericPreset : presets[config.preset];
  const provider = preset.genAi ?? config.preset ?? 'openai_compatible';
  return createHttpUpstream(options, chatCompletionsApi(preset, provider));
}

function chatCompletionsApi(preset: Preset, provider: string): Protocol {
  const capabilities: Capabilities = new Set(featuresOf(preset));
  const { load } = preset;
  return {
    provider,
    defaultUrl: preset.baseUrl,
    headers: (apiKey) => keyHeader(apiKey, preset),
    capabilities: () => capabilities,
    contextLength: () => undefined,
    takeover: () => {
      if (preset.prefill === 'never') return undefined;
      return preset.prefill === undefined ? 'if-configured' : 'prefix';
    },
    refuses: (request) => refusalOf(request, preset),
    request(call, baseUrl) {
      if (call.prefix !== undefined && preset.prefill === 'never') {
        return fail(failure('upstream_refused', 'This upstream cannot go on with a given beginning.'));
      }
      return ok({ path: requestPath(baseUrl, preset, call), body: requestBody(call, preset) });
    },
    dialect: ({ request, completionId, prefix }, errors, output) =>
      createChatDialect(
        {
          choices: request.n,
          completionId,
          finishReasons: preset.finishReasons,
          errors,
          continues: prefix !== undefined,
          tools: toolNamesOf(request.tools),
          ...(prefix !== undefined && prefillOf(preset).echo ? { echo: prefix } : {}),
        },
        output,
      ),
    refused: (refusal, errors) => failureOfRefusal(refusal, errors),
    ...(load === undefined ? {} : { watchLoad: (transport, own) => watchLoad(load, transport, own) }),
  };
}

/** The header with the key, as this preset accepts it. */
function keyHeader(apiKey: string | undefined, preset: Preset): Readonly<Record<string, string>> {
  if (apiKey === undefined) return {};
  return preset.auth === 'bearer' ? { authorization: `Bearer ${apiKey}` } : { 'api-key': apiKey };
}

const loadHeader = 'endpoint-load-metrics';
const noHeaders = {};
const reportHeaders = { 'endpoint-load-metrics-format': 'TEXT' };

function watchLoad(signal: LoadSignal, transport: Pick<Transport, 'get'>, own: () => number): LoadReports {
  const watch = createLoadWatch({ transport, signal, own, now: () => performance.now() });
  return {
    pressure: watch.pressure,
    requestHeaders: () => (watch.watching && signal.inAnswers === true ? reportHeaders : noHeaders),
    answered(headers) {
      const report = headers[loadHeader];
      if (typeof report === 'string') watch.addReport(report);
    },
    close: watch.close,
  };
}

/** Path and query of a call: base URL + `/chat/completions`, or the path of Azure or of a prefill. */
export function requestPath(
  baseUrl: URL,
  preset: Preset,
  call: Pick<UpstreamCall, 'model' | 'prefix'>,
): string {
  const base = joinPath(baseUrl, '');
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
