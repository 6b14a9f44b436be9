import type { ChatStream } from '../stream/contract.ts';

/** The pieces of `toTextResponse`. */
export async function* textFrames(stream: ChatStream): AsyncGenerator<string, void, undefined> {
  yield* stream.text();
  // A stream that was aborted ends its iterators quietly.
  await stream.finalCompletion();
}
