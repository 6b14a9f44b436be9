import { fail, ok } from '../../domain/failure.ts';
import { createHttpUpstream, joinPath, type Protocol } from '../http/http-upstream.ts';
import type { CreatedProvider, ProviderOptions } from '../http/provider-transport.ts';
import { failureOfRefusal, prefillRefused } from './errors.ts';
import { capabilitiesOf, claudeModel } from './models.ts';
import { refusalOf } from './refusals.ts';
import { requestBody } from './request.ts';
import { createMessageDialect } from './stream.ts';

/** The version of requests and events (platform.claude.com/docs/en/api/versioning). */
const apiVersion = '2023-06-01';

const messagesApi: Protocol = {
  provider: 'anthropic',
  defaultUrl: 'https://api.anthropic.com',
  headers: (apiKey) => ({
    'anthropic-version': apiVersion,
    ...(apiKey === undefined ? {} : { 'x-api-key': apiKey }),
  }),
  capabilities: (model) => capabilitiesOf(claudeModel(model)),
  contextLength: (model) => claudeModel(model).contextTokens,
  takeover: (model) => (claudeModel(model).prefill ? 'prefix' : undefined),
  refuses: (request, model) => refusalOf(request, claudeModel(model)),
  request(call, baseUrl) {
    const body = requestBody(call, claudeModel(call.model));
    if (body.ok) return ok({ path: joinPath(baseUrl, '/v1/messages'), body: body.value });
    return fail(call.prefix === undefined ? body.failure : prefillRefused(body.failure));
  },
  dialect: ({ prefix, completionId }, errors, output) =>
    createMessageDialect(
      {
        errors,
        completionId,
        ...(prefix === undefined ? {} : { prefixEnd: prefix.slice(prefix.trimEnd().length) }),
      },
      output,
    ),
  refused(refusal, errors, { prefix }) {
    const reason = failureOfRefusal(refusal, errors);
    return prefix === undefined ? reason : prefillRefused(reason);
  },
};

/**
 * Makes an upstream for Anthropic's Messages API, or the list of problems of its configuration. Each request asks for a stream;
 * the features that it honours depend on the model (`models.ts`). The caller closes it.
 */
export async function createAnthropicUpstream(options: ProviderOptions): Promise<CreatedProvider> {
  return createHttpUpstream(options, messagesApi);
}
