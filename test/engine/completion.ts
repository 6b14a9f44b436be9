import type {
  ChatCompletion,
  ChatCompletionChunk,
  ErrorBody,
  ErrorEnvelope,
  FinishReason,
  TokenLogprobWire,
  UsageWire,
} from '@tailrace/protocol';
import { createSseDecoder } from '@tailrace/protocol';
import type { TestServer } from '../support/server.ts';
import { expectTrueStream } from '../support/stream-check.ts';

export type Fields = Readonly<Record<string, unknown>>;

export interface Called {
  readonly id: string;
  readonly name: string;
  readonly arguments: string;
}

export interface Choice {
  readonly text: string;
  readonly calls: readonly Called[];
  readonly finish: FinishReason | undefined;
  /** Null where none came. */
  readonly logprobs: readonly TokenLogprobWire[] | null;
}

/** An answer over HTTP, in the same form whether it streamed or not. */
export interface Answer {
  readonly status: number;
  readonly type: string;
  /** In order; empty where the request was refused. */
  readonly choices: readonly Choice[];
  readonly usage: UsageWire;
  readonly error: ErrorBody | undefined;
  /** Pieces in which arguments of calls came; 0 where nothing streamed. */
  readonly pieces: number;
}

const noUsage: UsageWire = { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 };

/** Asks the server; every stream is checked by the grammar of the wire. */
export async function complete(
  server: TestServer,
  fields: Fields,
  options: { readonly apiKey?: string; readonly signal?: AbortSignal } = {},
): Promise<Answer> {
  const response = await fetch(`${server.baseUrl}/v1/chat/completions`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${options.apiKey ?? server.apiKey}`,
      'content-type': 'application/json',
    },
    body: JSON.stringify(fields),
    signal: options.signal ?? AbortSignal.timeout(60_000),
  });
  const type = response.headers.get('content-type') ?? '';
  const head = { status: response.status, type, choices: [], usage: noUsage, error: undefined, pieces: 0 };
  const body = Buffer.from(await response.arrayBuffer());
  if (type.startsWith('text/event-stream')) return { ...head, ...readStream(body, fields) };
  const value = JSON.parse(body.toString('utf8')) as ChatCompletion | ErrorEnvelope;
  return 'error' in value ? { ...head, error: value.error } : { ...head, ...readCompletion(value) };
}

function readCompletion({ choices, usage }: ChatCompletion): Pick<Answer, 'choices' | 'usage'> {
  return {
    usage,
    choices: choices.map(({ message, finish_reason, logprobs }) => ({
      text: message.content ?? '',
      calls: (message.tool_calls ?? []).map((call) => ({ id: call.id, ...call.function })),
      finish: finish_reason,
      logprobs: logprobs?.content ?? null,
    })),
  };
}

function readStream(body: Buffer, fields: Fields): Partial<Answer> {
  const summary = expectTrueStream(body, {
    logprobs: fields['logprobs'] === true,
    choices: typeof fields['n'] === 'number' ? fields['n'] : 1,
  });
  const logprobs = new Map<number, TokenLogprobWire[]>();
  let pieces = 0;
  for (const chunk of chunksOf(body)) {
    for (const choice of chunk.choices ?? []) {
      pieces += (choice.delta.tool_calls ?? []).filter((call) => call.id === undefined).length;
      if (choice.logprobs === null) continue;
      logprobs.set(choice.index, [...(logprobs.get(choice.index) ?? []), ...choice.logprobs.content]);
    }
  }
  return {
    pieces,
    usage: summary.usage ?? noUsage,
    error: summary.error as ErrorBody | undefined,
    choices: summary.choices.map((choice) => ({
      text: choice.content,
      calls: choice.toolCalls,
      finish: choice.finishReason,
      logprobs: logprobs.get(choice.index) ?? null,
    })),
  };
}

function chunksOf(body: Buffer): ChatCompletionChunk[] {
  const chunks: ChatCompletionChunk[] = [];
  const decoder = createSseDecoder({}, (item) => {
    if (item.type !== 'event' || item.data === '[DONE]') return;
    chunks.push(JSON.parse(item.data) as ChatCompletionChunk);
  });
  decoder.push(body);
  decoder.end();
  return chunks;
}
