import type { Failure } from '../domain/failure.ts';
import type { Head, Reader } from '../relay/reader.ts';

export interface JsonReaderOwner {
  /** Answers with a body; the head says which target served it. */
  answer(head: Head, body: string): void;
  refuse(reason: Failure): void;
}

/** The reader of a connection for an answer that does not stream: it gets one body, or a failure. */
export function createJsonReader(owner: JsonReaderOwner): Reader {
  let head: Head = { target: undefined, keepalive: () => undefined };
  return {
    begin(next) {
      head = next;
    },
    event: () => true,
    drained: () => Promise.resolve(),
    end: (body = '') => owner.answer(head, body),
    fail: (reason) => owner.refuse(reason),
    abandon: () => {},
  };
}
