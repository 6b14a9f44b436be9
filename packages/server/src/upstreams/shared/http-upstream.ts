import type { ChatRequest } from '../../domain/chat-request.ts';
import { writeMarked } from '../../domain/exact-json.ts';
import { type Failure, fail, ok, type Result } from '../../domain/failure.ts';
import type { JsonObject } from '../../domain/json.ts';
import type { Capabilities } from '../../domain/requirements.ts';
import type { PostRequest } from '../../transport/transport.ts';
import { ownWaitMs, type UpstreamCall } from '../contract.ts';
import { openHttpStream } from './http-stream.ts';
import {
  type CreatedProvider,
  createProviderTransport,
  type ProviderOptions,
  type ProviderUpstream,
} from './provider-transport.ts';
import type { ErrorContext, Refusal } from './refusal.ts';
import { requestHeaders } from './request-json.ts';
import { createTranslation, type Dialect } from './translation.ts';

/** A protocol that is asked by one POST and answers with events: what differs between providers of their own. */
export interface Protocol {
  readonly defaultUrl: string;
  headers(apiKey: string | undefined): Readonly<Record<string, string>>;
  capabilities(model: string): Capabilities;
  contextLength(model: string): number | undefined;
  takeover(model: string): 'prefix' | undefined;
  refuses(request: ChatRequest, model: string): Failure | undefined;
  /** Path and body of the request; the path stands behind that of `base_url`. The body is a marked root if it is exact. */
  request(call: UpstreamCall): Result<{ readonly path: string; readonly body: JsonObject }>;
  /** Reads one answer. */
  dialect(call: UpstreamCall, errors: ErrorContext): Dialect;
  /** What the bytes of an event that carries output look like, when they cannot be read. */
  readonly output: RegExp;
  /** Reads an answer that is no stream. */
  refused(refusal: Refusal, errors: ErrorContext, call: UpstreamCall): Failure;
}

/** Makes the upstream, or says what is wrong with its configuration. The caller closes it. */
export async function createHttpUpstream(
  options: ProviderOptions,
  protocol: Protocol,
): Promise<CreatedProvider> {
  const { name, config, maxEventBytes, usageWaitMs = 2_000, now = Date.now } = options;
  const created = await createProviderTransport(
    options,
    protocol.defaultUrl,
    protocol.headers(config.apiKey),
  );
  if (!created.ok) return created;
  const { transport, pathPrefix, hidden } = created.provider;

  function wireRequest(call: UpstreamCall): Result<PostRequest> {
    const asked = protocol.request(call);
    if (!asked.ok) return fail(asked.failure);
    const { path, body } = asked.value;
    return ok({
      path: `${pathPrefix}${path}`,
      headers: requestHeaders,
      connectMs: call.connectMs,
      body: writeMarked(body),
    });
  }

  const upstream: ProviderUpstream = {
    name,
    firstTokenClock: 'call',
    capabilities: (model) => protocol.capabilities(model),
    contextLength: (model) => protocol.contextLength(model),
    takeover: (model) => protocol.takeover(model),
    refuses: (request, model) => protocol.refuses(request, model),
    stats: transport.stats,
    retire: () => transport.retire(),
    close: () => transport.close(),
    open(call, signal) {
      const errors = (): ErrorContext => ({ hidden, request: call.request, nowMs: now() });
      const dialect = protocol.dialect(call, errors());
      return openHttpStream(
        {
          transport,
          request: wireRequest(call),
          translation: createTranslation({ dialect, maxEventBytes, output: protocol.output }),
          usageWaitMs: ownWaitMs(call, usageWaitMs),
          refused: (refusal) => protocol.refused(refusal, errors(), call),
        },
        signal,
      );
    },
  };
  return { ok: true, upstream };
}
