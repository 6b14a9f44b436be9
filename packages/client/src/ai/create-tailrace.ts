import { createOpenAICompatible, type OpenAICompatibleProvider } from '@ai-sdk/openai-compatible';
import { readEnv } from '../client/environment.ts';
import { createHealingFetch, type HealingFetchOptions } from '../healing-fetch/healing-fetch.ts';

export interface TailraceProviderSettings extends HealingFetchOptions {
  /** Default: `TAILRACE_API_KEY` of the environment. */
  readonly apiKey?: string;
  /** With its version. Default: `TAILRACE_BASE_URL` of the environment, else `http://127.0.0.1:7245/v1`. */
  readonly baseURL?: string;
  /** Sent with every request. */
  readonly headers?: Readonly<Record<string, string>>;
}

/**
 * A provider for the AI SDK, of the version that the installed `@ai-sdk/openai-compatible` is for: `tailrace('model')`. It is that
 * provider, with streams that pick lost connections up, with structured outputs, and with usage in every stream. Where a stream breaks
 * for good, the AI SDK gets an error part with the server's message, type and code; `stream_truncated` is the code of a stream that
 * ended without a finish. Options of a call stand under `providerOptions.tailrace`.
 */
export function createTailrace(settings: TailraceProviderSettings = {}): OpenAICompatibleProvider {
  const apiKey = settings.apiKey ?? readEnv('TAILRACE_API_KEY');
  return createOpenAICompatible({
    name: 'tailrace',
    baseURL: settings.baseURL ?? readEnv('TAILRACE_BASE_URL') ?? 'http://127.0.0.1:7245/v1',
    ...(apiKey === undefined ? {} : { apiKey }),
    headers: { ...settings.headers },
    includeUsage: true,
    supportsStructuredOutputs: true,
    fetch: createHealingFetch(settings),
  });
}
