import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { ChatRequest } from '../../../domain/chat-request.ts';
import type { Failure, Result } from '../../../domain/failure.ts';
import type { JsonObject } from '../../../domain/json.ts';
import { decodeChatRequest } from '../../../wire/chat/decode-request.ts';
import type { UpstreamCall } from '../../contract.ts';

/** One line of a golden file: what is asked of which model, and what is said to it before it is sent. */
interface RefusalCase {
  readonly about: string;
  readonly model: string;
  readonly request: JsonObject;
  /** Null where the request is taken. */
  readonly refused: { readonly code: string; readonly param: string } | null;
}

/**
 * Runs a golden file of refusals: each must be known before anything is chosen, and be the same where the call is
 * made after all.
 */
export function describeRefusals(
  file: URL,
  refuses: (request: ChatRequest, model: string) => Failure | undefined,
  body: (call: UpstreamCall) => Result<JsonObject>,
): void {
  const cases = JSON.parse(readFileSync(file, 'utf8')) as readonly RefusalCase[];
  describe('values that a model does not take', () => {
    test.each(cases)('$model: $about', ({ model, request: fields, refused }) => {
      const messages = [{ role: 'user', content: 'Hi' }];
      const decoded = decodeChatRequest({ model: 'public', messages, ...fields });
      if (!decoded.ok) throw new Error(decoded.failure.message);
      const { request } = decoded.value;
      const reason = refuses(request, model);
      const told = reason === undefined ? null : { code: reason.code, param: reason.param };
      expect(told).toEqual(refused);
      const made = body({ request, model, keyId: 'key', completionId: 'chatcmpl-1' });
      expect(made.ok ? undefined : made.failure).toEqual(reason);
    });
  });
}
