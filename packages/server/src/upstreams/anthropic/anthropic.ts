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
import { failureOfRefusal, prefillRefused } from './errors.ts';
import { capabilitiesOf, claudeModel } from './models.ts';
import { requestBody } from './request.ts';
import { createMessageDialect, messageOutput } from './stream.ts';

const defaultUrl = 'https://api.anthropic.com';
/** Names the shape of requests and events (platform.claude.com/docs/en/api/versioning). */
const apiVersion = '2023-06-01';

/**
 * Makes an upstream for Anthropic's Messages API, or says what is wrong with its configuration. Streams are
 * asked for always; what is honoured depends on the model (`models.ts`). The caller closes it.
 */
export async function createAnthropicUpstream(options: ProviderOptions): Promise<CreatedProvider> {
  const { apiKey } = options.config;
  const created = await createProviderTransport(options, defaultUrl, {
    'anthropic-version': apiVersion,
    ...(apiKey === undefined ? {} : { 'x-api-key': apiKey }),
  });
  return created.ok ? { ok: true, upstream: upstreamOf(options, created.provider) } : created;
}

function upstreamOf(
  { name, maxEventBytes, usageWaitMs = 2_000, now = Date.now }: ProviderOptions,
  { transport, pathPrefix, hidden }: Provider,
): ProviderUpstream {
  return {
    name,
    firstTokenClock: 'call',
    capabilities: (model) => capabilitiesOf(claudeModel(model)),
    contextLength: (model) => claudeModel(model).contextTokens,
    takeover: (model) => (claudeModel(model).prefill ? 'prefix' : undefined),
    stats: transport.stats,
    retire: () => transport.retire(),
    close: () => transport.close(),
    open(call, signal) {
      const { prefix } = call;
      return openHttpStream(
        {
          transport,
          request: wireRequest(call, pathPrefix),
          translation: createTranslation({
            dialect: createMessageDialect({
              hidden,
              ...(prefix === undefined ? {} : { due: prefix.slice(prefix.trimEnd().length) }),
            }),
            maxEventBytes,
            output: messageOutput,
          }),
          usageWaitMs,
          refused(refusal) {
            const reason = failureOfRefusal(refusal, { hidden, nowMs: now() });
            return prefix === undefined ? reason : prefillRefused(reason);
          },
        },
        signal,
      );
    },
  };
}

function wireRequest(call: UpstreamCall, pathPrefix: string): Result<PostRequest> {
  const body = requestBody(call, claudeModel(call.model));
  if (!body.ok) return fail(call.prefix === undefined ? body.failure : prefillRefused(body.failure));
  return ok({
    path: `${pathPrefix}/v1/messages`,
    headers: requestHeaders,
    connectMs: call.connectMs,
    body: JSON.stringify(body.value),
  });
}
