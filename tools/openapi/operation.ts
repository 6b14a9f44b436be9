import type { ErrorCode } from '@tailrace/protocol';
import type { Schema } from './schema.ts';

/** What is said of one route beside what its row in the route table says. */
export interface Operation {
  /** The name of the call in generated clients. */
  readonly id: string;
  readonly tag: Tag;
  readonly summary: string;
  readonly description?: string;
  readonly parameters?: readonly Parameter[];
  readonly body?: Body;
  readonly answers: Readonly<Record<number, Answer>>;
  /** The codes of its refusals besides those that each route of its access has. */
  readonly errors: readonly ErrorCode[];
  /** A configuration may switch it off: then there is no such route. */
  readonly mayBeOff?: true;
  /** In the place of the envelope at this status. */
  readonly errorSchema?: Readonly<Record<number, Schema>>;
}

export interface Parameter {
  readonly name: string;
  readonly in: 'query' | 'header' | 'path';
  readonly schema: Schema;
  readonly description: string;
  readonly required?: true;
  readonly example?: string | number;
}

export interface Body {
  readonly schema: Schema;
  readonly required: boolean;
  /** Each is sent to a running server by a test. */
  readonly examples: Readonly<Record<string, object>>;
}

export interface Answer {
  readonly description: string;
  /** By media type; absent: no body. */
  readonly content?: Readonly<Record<string, Schema>>;
  readonly headers?: readonly AnswerHeader[];
}

export const answerHeaders = {
  'tailrace-completion-id': 'The id of the completion.',
  'tailrace-stream-url': 'The signed address of a kept stream.',
  'tailrace-target': 'The upstream and the model that answer, where the head leaves with the first output.',
  'idempotent-replayed': '`true` where an earlier answer is repeated.',
  'x-ratelimit-limit-requests': 'The limit of requests a minute.',
  'x-ratelimit-remaining-requests': 'How many requests are left now.',
  'x-ratelimit-reset-requests': 'When all of them are there again, such as `120ms` or `6m0s`.',
  'x-ratelimit-limit-tokens': 'The limit of tokens a minute.',
  'x-ratelimit-remaining-tokens': 'How many tokens are left now.',
  'x-ratelimit-reset-tokens': 'When all of them are there again.',
  'stream-next-offset': 'Where the next read begins.',
  'stream-up-to-date': '`true` where the answer reaches the end of what there is.',
  'stream-closed': '`true` where no message follows.',
  'stream-cursor': 'Goes into the next long poll as `cursor`.',
  etag: 'Changes with the content.',
} as const;

export type AnswerHeader = keyof typeof answerHeaders;

export const rateLimitHeaders: readonly AnswerHeader[] = [
  ...([
    'x-ratelimit-limit-requests',
    'x-ratelimit-remaining-requests',
    'x-ratelimit-reset-requests',
  ] as const),
  ...(['x-ratelimit-limit-tokens', 'x-ratelimit-remaining-tokens', 'x-ratelimit-reset-tokens'] as const),
];

export const tags = {
  Chat: 'Chat completions, and streams that are read again.',
  Models: 'What is served.',
  Usage: 'What the caller has used.',
  Server: 'Health, and the API described. No key is asked for.',
  Keys: 'Administration: keys, and owners who pay.',
  Records: 'Administration: usage records, sums and budgets.',
  Operation: 'Administration: what runs now, and the configuration.',
  Sessions: 'Signing browsers in to the console.',
  'Fault lab': 'Models that misbehave, for the page.',
} as const;

export type Tag = keyof typeof tags;

export const json = (schema: Schema): Readonly<Record<string, Schema>> => ({ 'application/json': schema });
