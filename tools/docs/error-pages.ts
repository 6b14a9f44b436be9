import { type ErrorCode, errorKind } from '@tailrace/protocol';
import { failure } from '../../packages/server/src/domain/failure.ts';
import { errorReply } from '../../packages/server/src/wire/error-reply.ts';
import type { Provoked } from '../openapi/generate.ts';
import { markdownTable } from './markdown-table.ts';

/** The generated part of docs/errors/CODE.md: what the error table and the headers of a refusal say. */
export function errorFacts(code: ErrorCode): string {
  const { status, type } = errorKind(code);
  return markdownTable(['status', 'type', 'trying again'], [[String(status), `\`${type}\``, retryOf(code)]]);
}

function retryOf(code: ErrorCode): string {
  const { status, headers } = errorReply(failure(code, ''));
  if (headers['x-should-retry'] === 'false') return 'does not help: `x-should-retry: false`';
  if (headers['retry-after'] !== undefined) return 'after the wait in `Retry-After`';
  return status === 500 ? 'may help once; SDKs do it' : 'helps often; SDKs do it where no stream has begun';
}

/** The other one: a request that a server in the test's process has refused, and its answer. */
export function errorExample({ asked, request, sent, status, body, inStream }: Provoked): string {
  const asks = sent === undefined ? request : `${request}\n\n${sent}`;
  const answer = JSON.stringify(body, undefined, 2);
  const answered = inStream
    ? 'The stream had begun. This is the data of its last event:'
    : `The answer, with status ${status}:`;
  return `${asked}\n\n\`\`\`text\n${asks}\n\`\`\`\n\n${answered}\n\n\`\`\`json\n${answer}\n\`\`\`\n`;
}

/** Where the page of a code is. */
export const errorPage = (code: ErrorCode): string => `docs/errors/${code}.md`;
