import { type Failure, failure } from '../domain/failure.ts';
import type { Head, Reader } from './reader.ts';
import type { Attachment } from './run.ts';

/**
 * The payloads of a run that has no reader of its own: each is kept once, and any number of readers follow from the first
 * one on, each at its own pace. A reader that waits holds up neither the run nor the others.
 *
 *     run ──event──▶ [ payload payload … ] ◀──at── reader        ◀──at── reader
 *
 * Bounded: of a longer answer the first payloads go, and a reader that has not had them ends in `events_gone`.
 */
export interface PayloadLog extends Reader {
  /** From behind the first `after` events on. */
  attach(reader: Reader, after?: number): Attachment;
}

/** UTF-16 units of payloads that are kept. */
const maxKept = 16 * 1024 * 1024;

type Ending = (reader: Reader) => void;

/** `failed` makes the payload that says why a reader has no more, in the run's surface. */
export function createPayloadLog(failed: (reason: Failure) => string, most = maxKept): PayloadLog {
  const payloads: string[] = [];
  /** The number of the first payload that is kept. */
  let first = 0;
  let kept = 0;
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

    detach(): void {
      followers.delete(this);
      this.controller.abort();
    }

    /** Hands on what there is, up to the reader's pause or the end. */
    follow(): void {
      if (this.waiting || !followers.has(this)) return;
      if (!this.begun && head !== undefined) {
        this.begun = true;
        this.reader.begin(head);
      }
      while (this.at < first + payloads.length) {
        if (this.at < first) {
          this.leave((reader) => reader.fail(gone, () => failed(gone)));
          return;
        }
        const payload = payloads[this.at - first] ?? '';
        this.at += 1;
        if (this.reader.event(payload)) continue;
        this.wait();
        return;
      }
      if (ending !== undefined) this.leave(ending);
    }

    private leave(how: Ending): void {
      followers.delete(this);
      how(this.reader);
    }

    private wait(): void {
      this.waiting = true;
      void this.reader.drained(this.controller.signal).then(() => {
        this.waiting = false;
        this.follow();
      });
    }
  }

  const tell = (): void => {
    for (const follower of [...followers]) follower.follow();
  };
  const endWith = (how: Ending): void => {
    ending = how;
    tell();
  };

  return {
    attach(reader, after = 0) {
      const follower = new Follower(reader, after);
      followers.add(follower);
      follower.follow();
      return follower;
    },
    begin(next) {
      head = next;
      tell();
    },
    event(payload) {
      payloads.push(payload);
      kept += payload.length;
      while (kept > most && payloads.length > 1) {
        kept -= payloads.shift()?.length ?? 0;
        first += 1;
      }
      tell();
      return true;
    },
    drained: () => Promise.resolve(),
    end: (payload) => endWith((reader) => reader.end(payload)),
    fail: (reason, payload) => endWith((reader) => reader.fail(reason, payload)),
    abandon: () => endWith((reader) => reader.abandon()),
  };
}

const gone = failure('events_gone', 'The first events of this answer are not kept any more.');
