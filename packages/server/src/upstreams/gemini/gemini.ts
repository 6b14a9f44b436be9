import { fail, ok } from '../../domain/failure.ts';
import { createHttpUpstream, joinPath, type Protocol } from '../http/http-upstream.ts';
import type { CreatedProvider, ProviderOptions } from '../http/provider-transport.ts';
import { failureOfRefusal } from './errors.ts';
import { capabilitiesOf, geminiModel } from './models.ts';
import { refusalOf } from './refusals.ts';
import { requestBody } from './request.ts';
import { createContentDialect } from './stream.ts';

const generateContentApi: Protocol = {
  provider: 'gcp.gemini',
  defaultUrl: 'https://generativelanguage.googleapis.com',
  headers: (apiKey): Readonly<Record<string, string>> =>
    apiKey === undefined ? {} : { 'x-goog-api-key': apiKey },
  capabilities: (model) => capabilitiesOf(geminiModel(model)),
  contextLength: (model) => geminiModel(model).contextTokens,
  // The API does not promise that a model continues its own last turn exactly.
  takeover: () => undefined,
  refuses: (request, model) => refusalOf(request, geminiModel(model)),
  request(call, baseUrl) {
    const body = requestBody(call, geminiModel(call.model));
    if (!body.ok) return fail(body.failure);
    // The name of a tuned model has its own collection: `tunedModels/…`.
    const model = call.model.includes('/') ? call.model : `models/${call.model}`;
    const path = model.split('/').map(encodeURIComponent).join('/');
    return ok({
      path: joinPath(baseUrl, `/v1beta/${path}:streamGenerateContent?alt=sse`),
      body: body.value,
    });
  },
  dialect: ({ request, completionId }, errors, output) =>
    createContentDialect(
      {
        choices: request.n,
        parallelToolCalls: request.parallelToolCalls !== false,
        completionId,
        errors,
      },
      output,
    ),
  refused: (refusal, errors) => failureOfRefusal(refusal, errors),
};

/**
 * Makes an upstream for Google's Gemini API, or the list of problems of its configuration. Each request asks for a stream; the
 * features that it honours depend on the model (`models.ts`). The caller closes it.
 */
export async function createGeminiUpstream(options: ProviderOptions): Promise<CreatedProvider> {
  return createHttpUpstream(options, generateContentApi);
}
