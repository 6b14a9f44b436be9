import { TailraceError } from '../errors/errors.ts';
import type { ChatCompletion } from '../types/chat.ts';
import type { SchemaIssue } from './standard-schema.ts';

/** An answer is whole, and is no JSON, or not what the schema wants. */
export class StructuredOutputError extends TailraceError {
  /** What the schema said; one issue without a path where the text is no JSON. */
  declare readonly issues: readonly SchemaIssue[];
  /** What the model wrote. */
  declare readonly text: string;

  constructor(issues: readonly SchemaIssue[], text: string, options?: ErrorOptions) {
    super(`The answer does not fit its schema: ${issues.map(lineOf).join('; ')}`, options);
    this.issues = issues;
    this.text = text;
  }
}

/** OpenAI's name: the answer ran out of tokens before its JSON was whole. */
export class LengthFinishReasonError extends TailraceError {
  declare readonly completion: ChatCompletion;
  constructor(completion: ChatCompletion) {
    super('The answer ran out of tokens before its JSON was whole.');
    this.completion = completion;
  }
}

/** OpenAI's name: a filter ended the answer. */
export class ContentFilterFinishReasonError extends TailraceError {
  declare readonly completion: ChatCompletion;
  constructor(completion: ChatCompletion) {
    super('A content filter ended the answer.');
    this.completion = completion;
  }
}

function lineOf({ path, message }: SchemaIssue): string {
  const place = path?.map((part) => String(typeof part === 'object' ? part.key : part)).join('.');
  return place ? `${place}: ${message}` : message;
}
