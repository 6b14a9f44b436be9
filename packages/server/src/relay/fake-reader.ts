import type { Head, Reader } from './reader.ts';

/** A reader that keeps its events in an array. From event number `blockAfter` on it asks for a pause, until `unblock`. */
export function createFakeReader(blockAfter = Number.POSITIVE_INFINITY) {
  const events: string[] = [];
  let unblock = () => {};
  const state = {
    head: undefined as Head | undefined,
    ending: undefined as 'whole' | 'failed' | 'abandoned' | undefined,
    /** The code of the failure. */
    code: undefined as string | undefined,
  };
  const reader: Reader = {
    begin: (head) => {
      state.head = head;
    },
    event: (payload) => events.push(payload) < blockAfter,
    drained: (signal) =>
      new Promise((resolve) => {
        unblock = () => resolve();
        signal.addEventListener('abort', () => resolve());
      }),
    end: (payload) => {
      if (payload !== undefined) events.push(payload);
      state.ending = 'whole';
    },
    fail: (reason, payload) => {
      state.ending = 'failed';
      state.code = reason.code;
      if (state.head !== undefined) events.push(payload());
    },
    abandon: () => {
      state.ending = 'abandoned';
    },
  };
  return {
    reader,
    events,
    state,
    unblock: () => unblock(),
    /** The events as the body of a chat stream. */
    body: () => Buffer.from(events.map((payload) => `data: ${payload}\n\n`).join('')),
  };
}
