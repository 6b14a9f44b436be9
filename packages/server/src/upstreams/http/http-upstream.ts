import type { ChatRequest } from '../../domain/chat-request.ts';
import { writeMarked } from '../../domain/exact-json.ts';
import { type Failure, fail, ok, type Result } from '../../domain/failure.ts';
import type { JsonObject } from '../../domain/json.ts';
import type { Capabilities } from '../../domain/requirements.ts';
import type { WireAnswer } from '../../transport/connection.ts';
import type { PostRequest, Transport } from '../../transport/transport.ts';
import { ownWaitMs, type Upstream, type UpstreamCall } from '../contract.ts';
import { openAnswerStream } from './answer/answer-stream.ts';
import type { Dialect, DialectOutput } from './answer/dialect.ts';
import {
  type CreatedProvider,
  createProviderTransport,
  type ProviderOptions,
  type ProviderUpstream,
} from './provider-transport.ts';
import type { ErrorContext, Refusal } from './refusal/refusal.ts';
import { requestHeaders } from './request/request-json.ts';

/** A protocol that is asked by one POST and answers with events: all that differs between providers. */
export interface Protocol {
  /** Absent: the configuration has to name one. */
  readonly defaultUrl: string | undefined;
  headers(apiKey: string | undefined): Readonly<Record<string, string>>;
  capabilities(model: string): Capabilities;
  contextLength(model: string): number | undefined;
  takeover(model: string): ReturnType<NonNullable<Upstream['takeover']>>;
  refuses(request: ChatRequest, model: string): Failure | undefined;
  /** The request of a call, or why it cannot be made. A body that keeps spellings has a marked root. */
  request(call: UpstreamCall, baseUrl: URL): Result<ProtocolRequest>;
  /** Reads one answer and puts its events into `output`. */
  dialect(call: UpstreamCall, errors: () => ErrorContext, output: DialectOutput): Dialect;
  /** The failure of an answer that is no stream. */
  refused(refusal: Refusal, errors: ErrorContext, call: UpstreamCall): Failure;
  /** Watches how busy the provider is. `own` counts our own requests there. Absent: it does not tell. */
  watchLoad?(transport: Transport, own: () => number): LoadReports;
}

export interface ProtocolRequest {
  /** Path and query, those of `base_url` included. */
  readonly path: string;
  readonly body: JsonObject;
}

/** What a provider tells about its load. */
export interface LoadReports {
  /** Requests there beyond our own, as last reported; 0 where that is unknown. */
  pressure(): number;
  /** Headers that ask for a report with the answer. */
  requestHeaders(): Readonly<Record<string, string>>;
  /** Reads the report in an answer's headers, where there is one. */
  answered(headers: WireAnswer['headers']): void;
  /** Ends the watch. */
  close(): void;
}

/** Makes the upstream, or says what is wrong with its configuration. No connection is opened yet. The caller closes it. */
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
  const { transport, baseUrl, hidden } = created.provider;
  let running = 0;
  const load = protocol.watchLoad?.(transport, () => running);

  function postRequest(call: UpstreamCall): Result<PostRequest> {
    const asked = protocol.request(call, baseUrl);
    if (!asked.ok) return fail(asked.failure);
    return ok({
      path: asked.value.path,
      headers: load === undefined ? requestHeaders : { ...requestHeaders, ...load.requestHeaders() },
      connectMs: call.connectMs,
      body: writeMarked(asked.value.body),
    });
  }

  const upstream: ProviderUpstream = {
    name,
    firstTokenClock: 'call',
    capabilities: (model) => protocol.capabilities(model),
    contextLength: (model) => protocol.contextLength(model),
    takeover: (model) => protocol.takeover(model),
    refuses: (request, model) => protocol.refuses(request, model),
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
    open(call, signal) {
      const errors = (): ErrorContext => ({ hidden, request: call.request, nowMs: now() });
      return openAnswerStream(
        {
          transport,
          maxEventBytes,
          usageWaitMs: ownWaitMs(call, usageWaitMs),
          request: () => {
            running += 1;
            return postRequest(call);
          },
          ...(load === undefined ? {} : { answered: load.answered }),
          dialect: (output) => protocol.dialect(call, errors, output),
          refused: (refusal) => protocol.refused(refusal, errors(), call),
          closed: () => {
            running -= 1;
          },
        },
        signal,
      );
    },
  };
  return { ok: true, upstream };
}

/** The path of an API's own, behind that of `base_url`. */
export function pathBehind(baseUrl: URL, path: string): string {
  return `${baseUrl.pathname.replace(/\/+$/, '')}${path}`;
}
