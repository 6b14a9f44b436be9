import { brokenInside } from '../domain/bug-failure.ts';
import type { Failure } from '../domain/failure.ts';
import type { StreamWriter } from '../journal/contract.ts';
import type { Reader } from './reader.ts';

/**
 * The journal as the reader of a run: it keeps the payloads for the connections that follow. It never asks for a pause.
 * `errorEvent` makes the error event of the run's surface, for a bug that leaves none.
 */
export function writesTo(writer: StreamWriter, errorEvent: (reason: Failure) => string): Reader {
  return {
    begin: ({ target }) => writer.begin(target === undefined ? {} : { target }),
    event(payload) {
      writer.event(payload);
      return true;
    },
    gather: () => writer.gather(),
    flush() {
      writer.flush();
      return true;
    },
    drained: () => Promise.resolve(),
    end: (payload) => writer.end(payload === undefined ? { type: 'whole' } : { type: 'whole', payload }),
    fail: (reason, payload) => writer.end({ type: 'torn', failure: reason, payload: payload() }),
    abandon: () => writer.end({ type: 'torn', failure: brokenInside, payload: errorEvent(brokenInside) }),
  };
}
