import { fail, ok, type Result } from '../../domain/failure.ts';
import type { PostRequest } from '../../transport/transport.ts';
import type { UpstreamCall } from '../contract.ts';
import { openHttpStream } from '../shared/http-stream.ts';
import {
  type CreatedProvider,
  createProviderTransport,
  type Provider,
  type ProviderOptions,
  type ProviderUpstream,
} from '../shared/provider-transport.ts';
import { requestHeaders } from '../shared/request-json.ts';
import { createTranslation } from '../shared/translation.ts';
import { failureOfRefusal } from './errors.ts';
import { capabilitiesOf, geminiModel } from './models.ts';
import { requestBody } from './request.ts';
import { contentOutput, createContentDialect } from './stream.ts';

const defaultUrl = 'https://generativelanguage.googleapis.com';

/**
 * Makes an upstream for Google's Gemini API, or says what is wrong with its configuration. Streams are asked
 * for always; what is honoured depends on the model (`models.ts`). It declares no takeover: nothing promises
 * that a model goes on exactly behind a model's turn that comes last. The caller closes it.
 */
export async function createGeminiUpstream(options: ProviderOptions): Promise<CreatedProvider> {
  const { apiKey } = options.config;
  const created = await createProviderTransport(
    options,
    defaultUrl,
    apiKey === undefined ? {} : { 'x-goog-api-key': apiKey },
  );
  return created.ok ? { ok: true, upstream: upstreamOf(options, created.provider) } : created;
}

function upstreamOf(
  { name, maxEventBytes, usageWaitMs = 2_000, now = Date.now }: ProviderOptions,
  { transport, pathPrefix, hidden }: Provider,
): ProviderUpstream {
  return {
    name,
    firstTokenClock: 'call',
    capabilities: (model) => capabilitiesOf(geminiModel(model)),
    contextLength: (model) => geminiModel(model).contextTokens,
    stats: transport.stats,
    retire: () => transport.retire(),
    close: () => transport.close(),
    open: (call, signal) =>
      openHttpStream(
        {
          transport,
          request: wireRequest(call, pathPrefix),
          translation: createTranslation({
            dialect: createContentDialect({
              choices: call.request.n,
              parallelToolCalls: call.request.parallelToolCalls,
              completionId: call.completionId,
              hidden,
            }),
            maxEventBytes,
            output: contentOutput,
          }),
          usageWaitMs,
          refused: (refusal) => failureOfRefusal(refusal, { hidden, nowMs: now() }),
        },
        signal,
      ),
  };
}

function wireRequest(call: UpstreamCall, pathPrefix: string): Result<PostRequest> {
  const body = requestBody(call, geminiModel(call.model));
  if (!body.ok) return fail(body.failure);
  // A tuned model brings its own collection: `tunedModels/…`.
  const model = call.model.includes('/') ? call.model : `models/${call.model}`;
  return ok({
    path: `${pathPrefix}/v1beta/${model.split('/').map(encodeURIComponent).join('/')}:streamGenerateContent?alt=sse`,
    headers: requestHeaders,
    connectMs: call.connectMs,
    body: JSON.stringify(body.value),
  });
}
