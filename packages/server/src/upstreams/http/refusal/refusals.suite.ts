import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { ChatRequest } from '../../../domain/chat-request.ts';
import type { Failure, Result } from '../../../domain/failure.ts';
import type { JsonObject } from '../../../domain/json.ts';
import { decodeChatRequest } from '../../../wire/chat/decode-request.ts';
import type { UpstreamCall } from '../../contract.ts';

/** One case of a golden file: a request to a model, and the failure before it is sent. */
interface RefusalCase {
  readonly about: string;
  readonly model: string;
  readonly request: JsonObject;
  /** Null where the request is accepted. */
  readonly refused: { readonly code: string; readonly param: string } | null;
}

/**
 * Runs a golden file of refusals: `refuses` must return each of them, and `body`, which makes the request, the same.
 */
export function describeRefusals(
  file: URL,
  refuses: (request: ChatRequest, model: string) => Failure | undefined,
  body: (call: UpstreamCall) => Result<JsonObject>,
): void {
  const cases = JSON.parse(readFileSync(file, 'utf8')) as readonly RefusalCase[];
  describe('values that a model does not accept', () => {
    test.each(cases)('$model: $about', ({ model, request: fields, refused }) => {
      const messages = [{ role: 'user', content: 'Hi' }];
      const decoded = decodeChatRequest({ model: 'public', messages, ...fields });
      if (!decoded.ok) throw new Error(decoded.failure.message);
      const { request } = decoded.value;
      const reason = refuses(request, model);
      const found = reason === undefined ? null : { code: reason.code, param: reason.param };
      expect(found).toEqual(refused);
      const made = body({ request, model, keyId: 'key', completionId: 'chatcmpl-1' });
      expect(made.ok ? undefined : made.failure).toEqual(reason);
    });
  });
}
