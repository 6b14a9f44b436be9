import type { Driver, Operation } from './client.ts';

/** What not every client can do; the reason is shown with the skipped test. */
export type Ability = Operation | 'loose-bodies' | 'unknown-fields' | 'separate-usage' | 'break';

export interface ClientRow {
  readonly name: string;
  readonly driver: Driver;
  readonly cannot: Partial<Readonly<Record<Ability, string>>>;
  /** The exception its users catch for a refusal. */
  readonly exception: (status: number) => string;
  /** The exception it raises for an error event in mid-stream. */
  readonly midStream: string;
  /** True for a client that asks for every stream as a resumable one. */
  readonly resumes?: true;
}

const named: Readonly<Record<number, string>> = {
  400: 'BadRequestError',
  401: 'AuthenticationError',
  403: 'PermissionDeniedError',
  404: 'NotFoundError',
  409: 'ConflictError',
  429: 'RateLimitError',
};

const openaiException =
  (other: string) =>
  (status: number): string =>
    named[status] ?? (status >= 500 ? 'InternalServerError' : other);

const noHelper = 'has no accumulator of its own';
const noModels = 'has no call for models';
const closesWhole = 'ends its streams by closing them, in one way only';
const ownTypes = 'checks the types of its settings itself';

const langchain = {
  helper: noHelper,
  models: noModels,
  model: noModels,
  'loose-bodies': ownTypes,
} as const;
const aiSdk = {
  ...langchain,
  break: 'continues to read in the background after a break; only its abort signal ends a stream',
} as const;
const byHand = { helper: noHelper, break: closesWhole } as const;

export const clients: readonly ClientRow[] = [
  {
    name: 'openai for Node',
    driver: { file: 'openai.mjs', argument: 'openai' },
    cannot: {},
    exception: openaiException('APIError'),
    midStream: 'APIError',
  },
  {
    name: 'openai 4 for Node',
    driver: { file: 'openai.mjs', argument: 'openai-v4' },
    cannot: {},
    exception: openaiException('APIError'),
    midStream: 'APIError',
  },
  {
    name: 'AI SDK, openai.chat',
    driver: { file: 'ai-sdk.mjs', argument: 'openai' },
    cannot: { ...aiSdk, 'unknown-fields': 'drops options it does not know' },
    exception: () => 'APICallError',
    midStream: 'StreamProviderError',
  },
  {
    name: 'AI SDK, openai-compatible',
    driver: { file: 'ai-sdk.mjs', argument: 'compatible' },
    cannot: aiSdk,
    exception: () => 'APICallError',
    midStream: 'StreamProviderError',
  },
  {
    name: 'AI SDK, tailrace/ai',
    driver: { file: 'ai-sdk.mjs', argument: 'tailrace' },
    cannot: aiSdk,
    exception: () => 'APICallError',
    midStream: 'StreamProviderError',
    resumes: true,
  },
  {
    name: 'LangChain for JavaScript',
    driver: { file: 'langchain.mjs' },
    cannot: langchain,
    exception: openaiException('APIError'),
    midStream: 'APIError',
  },
  {
    name: 'fetch, choices[0] unguarded',
    driver: { file: 'fetch.mjs', argument: 'unguarded' },
    cannot: {
      ...byHand,
      'separate-usage': 'reads choices[0] of every chunk, the form it did not ask for breaks it',
    },
    exception: () => 'Error',
    midStream: 'Error',
  },
  {
    name: 'curl',
    driver: { file: 'curl.mjs' },
    cannot: byHand,
    exception: () => 'Error',
    midStream: 'Error',
  },
  {
    name: 'openai for Python',
    driver: { file: 'openai_sync.py' },
    cannot: { break: closesWhole },
    exception: openaiException('APIStatusError'),
    midStream: 'APIError',
  },
  {
    name: 'openai for Python, async',
    driver: { file: 'openai_async.py' },
    cannot: { break: closesWhole },
    exception: openaiException('APIStatusError'),
    midStream: 'APIError',
  },
  {
    name: 'LangChain for Python',
    driver: { file: 'langchain_client.py' },
    cannot: { ...langchain, break: closesWhole },
    exception: openaiException('APIStatusError'),
    midStream: 'APIError',
  },
  {
    name: 'requests, iter_lines',
    driver: { file: 'requests_client.py' },
    cannot: byHand,
    exception: () => 'Refused',
    midStream: 'Refused',
  },
  {
    name: 'httpx, iter_lines',
    driver: { file: 'httpx_client.py' },
    cannot: byHand,
    exception: () => 'Refused',
    midStream: 'Refused',
  },
];
