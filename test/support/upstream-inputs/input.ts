import type { ErrorCode, FinishReason } from '@tailrace/protocol';

/** What is odd in an answer of an upstream. */
export type Oddity =
  | 'early finish'
  | 'foreign index'
  | 'calls under one index'
  | 'name in pieces'
  | 'odd arguments'
  | 'unnamed output'
  | 'finish reason'
  | 'impossible count'
  | 'framing'
  | 'status or form';

/** One answer of an upstream as its bytes, and what a client of the relay has to get of it. */
export interface UpstreamInput {
  /** Unique; also the name of the model that answers so. */
  readonly name: string;
  readonly oddity: Oddity;
  readonly upstream: 'openai' | 'anthropic' | 'gemini';
  /** Of an upstream of kind `openai`. Default: none. */
  readonly preset?: string;
  /** Default 200. */
  readonly status?: number;
  /** What the bytes are, whatever was asked for. */
  readonly form: 'stream' | 'json';
  /** Default: that of the form. */
  readonly contentType?: string;
  /** The body; each string is one write. */
  readonly body: readonly string[];
  readonly right: Right;
  /** What OpenAI's SDK shows when it reads the upstream itself and a client of the relay does not get, with the reason. */
  readonly differs?: Differences;
}

export type Right = WholeAnswer | FailedAnswer;

/** Every part that is absent is empty. */
export interface WholeAnswer {
  readonly text?: string;
  readonly reasoning?: string;
  readonly refusal?: string;
  readonly calls?: readonly RightCall[];
  /** By the field's name: lists and strings of several deltas are joined. */
  readonly other?: Readonly<Record<string, unknown>>;
  /** Default `tool_calls` where there are calls, else `stop`. */
  readonly finish?: FinishReason;
  /** `estimated`: the upstream gave no count that is possible. Default: that of `usage` in `openai-wire.ts`. */
  readonly usage?: RightUsage | 'estimated';
}

export interface RightCall {
  readonly name: string;
  /** The parsed arguments. */
  readonly arguments: Readonly<Record<string, unknown>>;
}

export interface RightUsage {
  /** Absent: the upstream gave no possible count, and any count above zero is right. */
  readonly prompt?: number;
  readonly completion?: number;
  readonly cached?: number;
  readonly reasoning?: number;
}

/** The answer ends in an error. */
export interface FailedAnswer {
  readonly fails: ErrorCode;
  /** Present: the error comes before any output, with this status. Absent: as the error event. */
  readonly status?: number;
}

export const differenceFields = [
  'text',
  'reasoning',
  'refusal',
  'calls',
  'other',
  'finish',
  'usage',
] as const;
export type DifferenceField = (typeof differenceFields)[number];
export type Differences = Readonly<Partial<Record<DifferenceField, string>>>;
