import type { Ending } from '../stream/reader.ts';
import type { ChatCompletionChunk } from '../types/chat.ts';

/** One line of JSON for each chunk. Throws where the stream was aborted: who reads it must not take it for whole. */
export async function* jsonLines(
  chunks: AsyncIterable<ChatCompletionChunk>,
  ending: () => Ending | undefined,
): AsyncGenerator<string> {
  for await (const chunk of chunks) yield `${JSON.stringify(chunk)}\n`;
  const how = ending();
  if (how?.type === 'aborted') throw how.error;
}
