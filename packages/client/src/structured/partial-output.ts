import type { ChatStream } from '../stream/contract.ts';
import type { DeepPartial, PartialOutput } from './contract.ts';
import { parseCompletion, parseOutput } from './parse-output.ts';
import { createPartialJson } from './partial-json.ts';
import type { StandardSchema } from './standard-schema.ts';

/**
 * The JSON that a stream writes, while it comes: the part of the value that is certain ({@link createPartialJson}), once for each piece
 * of text that adds to it. It is the same object each time, grown: copy what you keep. Where the stream breaks, the loop throws; where
 * the text is no JSON, it gives nothing more, and `final()` has the error.
 */
export function partialOutput<Output = unknown>(
  stream: ChatStream,
  schema?: StandardSchema<unknown, Output>,
): PartialOutput<Output> {
  return {
    async *[Symbol.asyncIterator]() {
      const json = createPartialJson();
      for await (const text of stream.text()) {
        json.push(text);
        if (json.value !== undefined && json.state !== 'broken') yield json.value as DeepPartial<Output>;
      }
    },
    async final() {
      const completion = await stream.finalCompletion();
      const parsed = await parseCompletion(completion, { response_format: { type: 'json_object' } });
      const message = parsed.choices[0]?.message;
      return message?.parsed == null ? null : parseOutput(message.content ?? '', schema);
    },
  };
}
