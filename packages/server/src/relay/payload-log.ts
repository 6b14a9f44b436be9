import { type Failure, failure } from '../domain/failure.ts';
import type { Head, Reader } from './reader.ts';
import type { Attachment } from './run.ts';

/**
 * Keeps the payloads of a detached run, each once. Any number of readers follow the log, each at its own pace: a reader that
 * is slow or has a bug delays neither the run nor the other readers.
 *
 *     run ──event──▶ [ payload payload … ] ◀──at── reader        ◀──at── reader
 *
 * Bounded: a longer answer drops its oldest payloads, and a reader that has not received them ends in `events_gone`.
 */
export interface PayloadLog extends Reader {
  /**
   * Hands the reader every event after number `after` (default: 0), those written so far and those to come. Where the log
   * has fewer events than `after`, the reader ends in `invalid_value`.
   */
  attach(reader: Reader, after?: number): Attachment;
}

/** The bound of all kept payloads together, in UTF-16 units. */
const maxKept = 16 * 1024 * 1024;

type Ending = (reader: Reader) => void;

/**
 * `errorEvent` makes the error event of the run's surface, for the failures that the log itself finds (`events_gone`,
 * `invalid_value`).
 */
export function createPayloadLog(errorEvent: (reason: Failure) => string, most = maxKept): PayloadLog {
  const kept = createKeptPayloads(most);
  let head: Head | undefined;
  let ending: Ending | undefined;
  const followers = new Set<Follower>();

  class Follower implements Attachment {
    private readonly reader: Reader;
    private at: number;
    private begun = false;
    private waiting = false;
    private readonly controller = new AbortController();

    constructor(reader: Reader, after: number) {
      this.reader = reader;
      this.at = after;
    }

    readonly detach = (): void => {
      if (!followers.delete(this)) return;
      this.controller.abort();
      this.giveUp();
    };

    /**
     * Hands on the payloads that the log has, until the reader asks for a pause. A bug in the reader ends only this
     * reader.
     */
    follow(): void {
      try {
        this.handOn();
      } catch {
        followers.delete(this);
        this.giveUp();
      }
    }

    private handOn(): void {
      if (this.waiting || !followers.has(this)) return;
      if (this.at < kept.first) {
        this.endReader((reader) => reader.fail(eventsGone, () => errorEvent(eventsGone)));
        return;
      }
      if (!this.begun && head !== undefined) {
        this.begun = true;
        this.reader.begin(head);
      }
      while (this.at < kept.end) {
        const taken = this.reader.event(kept.at(this.at));
        this.at += 1;
        // That call may have detached the reader.
        if (!followers.has(this)) return;
        if (taken) continue;
        this.wait();
        return;
      }
      if (ending !== undefined) this.endReader(ending);
    }

    refuse(reason: Failure): void {
      try {
        this.reader.fail(reason, () => errorEvent(reason));
      } catch {
        this.giveUp();
      }
    }

    private endReader(endingCall: Ending): void {
      followers.delete(this);
      endingCall(this.reader);
    }

    private wait(): void {
      this.waiting = true;
      this.reader.drained(this.controller.signal).then(
        () => {
          this.waiting = false;
          this.follow();
        },
        () => this.detach(),
      );
    }

    private giveUp(): void {
      try {
        this.reader.abandon();
      } catch {
        // A second bug of the same reader: nothing more can be done for it.
      }
    }
  }

  const serve = (): void => {
    for (const follower of followers) follower.follow();
  };
  const endWith = (how: Ending): void => {
    ending = how;
    serve();
  };

  return {
    attach(reader, after = 0) {
      const follower = new Follower(reader, after);
      if (!Number.isSafeInteger(after) || after < 0 || after > kept.end) {
        follower.refuse(neverWritten(after, kept.end));
        return follower;
      }
      followers.add(follower);
      follower.follow();
      return follower;
    },
    begin(next) {
      head = next;
      serve();
    },
    event(payload) {
      kept.add(payload);
      serve();
      return true;
    },
    drained: () => Promise.resolve(),
    end: (payload) => endWith((reader) => reader.end(payload)),
    fail(reason, payload) {
      // Made once: an encoder that numbers its payloads must give all readers the same number.
      let text: string | undefined;
      endWith((reader) =>
        reader.fail(reason, () => {
          text ??= payload();
          return text;
        }),
      );
    },
    abandon: () => endWith((reader) => reader.abandon()),
  };
}

/** The newest payloads by number. Where all together are longer than `most` UTF-16 units, the oldest are dropped. */
function createKeptPayloads(most: number) {
  let payloads: string[] = [];
  /** The number of `payloads[0]`. */
  let base = 0;
  /** How many payloads at the beginning of the array are dropped. */
  let skipped = 0;
  let units = 0;
  return {
    get first() {
      return base + skipped;
    },
    /** The number that the next payload gets. */
    get end() {
      return base + payloads.length;
    },
    at: (number: number): string => payloads[number - base] ?? '',
    add(payload: string): void {
      payloads.push(payload);
      units += payload.length;
      while (units > most && skipped < payloads.length - 1) {
        units -= payloads[skipped]?.length ?? 0;
        payloads[skipped] = '';
        skipped += 1;
      }
      // The array is shortened only when half of it is dropped: to shorten it at each drop would move all remaining
      // payloads each time.
      if (skipped < 1_024 || skipped * 2 < payloads.length) return;
      payloads = payloads.slice(skipped);
      base += skipped;
      skipped = 0;
    },
  };
}

const eventsGone = failure('events_gone', 'The first events of this answer are not kept any more.');

function neverWritten(after: number, last: number): Failure {
  const message = `'after' must be the number of an event that was sent, 0 to ${last}, got ${after}.`;
  return failure('invalid_value', message, { param: 'after' });
}
