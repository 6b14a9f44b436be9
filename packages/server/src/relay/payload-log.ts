import { type Failure, failure } from '../domain/failure.ts';
import type { Head, Reader } from './reader.ts';
import type { Attachment } from './run.ts';

/**
 * The payloads of a run that has no reader of its own: each is kept once, and any number of readers follow, each at its own
 * pace. A reader that waits, or has a bug, holds up neither the run nor the others.
 *
 *     run ──event──▶ [ payload payload … ] ◀──at── reader        ◀──at── reader
 *
 * Bounded: of a longer answer the first payloads go, and a reader that has not had them ends in `events_gone`.
 */
export interface PayloadLog extends Reader {
  /** From behind the first `after` events on; behind what was never written it is refused (`invalid_value`). */
  attach(reader: Reader, after?: number): Attachment;
}

/** UTF-16 units of payloads that are kept. */
const maxKept = 16 * 1024 * 1024;

type Ending = (reader: Reader) => void;

/** `failed` makes the payload that says why one reader has no more, in the run's surface. */
export function createPayloadLog(failed: (reason: Failure) => string, most = maxKept): PayloadLog {
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

    /** Hands on what there is, up to the reader's pause or the end. A bug of the reader is its own end only. */
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
        this.leave((reader) => reader.fail(gone, () => failed(gone)));
        return;
      }
      if (!this.begun && head !== undefined) {
        this.begun = true;
        this.reader.begin(head);
      }
      while (this.at < kept.end) {
        const taken = this.reader.event(kept.at(this.at));
        this.at += 1;
        // The reader may have left inside that call, or asked for a pause in which the log moves on.
        if (!followers.has(this)) return;
        if (taken) continue;
        this.wait();
        return;
      }
      if (ending !== undefined) this.leave(ending);
    }

    refuse(reason: Failure): void {
      try {
        this.reader.fail(reason, () => failed(reason));
      } catch {
        this.giveUp();
      }
    }

    private leave(how: Ending): void {
      followers.delete(this);
      how(this.reader);
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
        // It has a bug in this too: there is nothing left to tell it.
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
      // Made once: what an encoder numbers has one number for all readers.
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

/** The newest payloads, by their number; older ones go where all together are longer than `most`. */
function createKeptPayloads(most: number) {
  let payloads: string[] = [];
  /** The number of `payloads[0]`, and how many from there on have gone. */
  let base = 0;
  let skipped = 0;
  let units = 0;
  return {
    get first() {
      return base + skipped;
    },
    /** Behind the last one. */
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
      // The array is cut when half of it has gone: one by one each would move all that are left.
      if (skipped < 1_024 || skipped * 2 < payloads.length) return;
      payloads = payloads.slice(skipped);
      base += skipped;
      skipped = 0;
    },
  };
}

const gone = failure('events_gone', 'The first events of this answer are not kept any more.');

function neverWritten(after: number, last: number): Failure {
  const message = `'after' must be the number of an event that was sent, 0 to ${last}, got ${after}.`;
  return failure('invalid_value', message, { param: 'after' });
}
