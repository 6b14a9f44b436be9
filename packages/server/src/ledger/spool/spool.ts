import { type After, afterTimeout } from '../after.ts';
import type { RecordSpool, SpoolEntry } from '../spool-entry.ts';
import { encodeFrames } from './frame.ts';
import { createGroupedSync, type GroupedSync } from './grouped-sync.ts';
import { readEntries } from './read-entries.ts';
import { createRecentEntries } from './recent-entries.ts';
import { encodeAcknowledgement, type OnProblem, type Segment, segmentPath, takeSegments } from './segment.ts';
import { appendAcknowledgement, createSegmentRemoval, type SegmentRemoval } from './segment-removal.ts';
import { realSpoolFiles, type SpoolFiles, type SpoolLock } from './spool-files.ts';

/*
 * What is on its way to the store, or waits for it, on the local disk, in order. Every process has a folder of its own in the
 * spool folder:
 *
 *     spool/PROCESS/lock             held as long as the process lives
 *     spool/PROCESS/0000000001.log   segments of some MiB: entries one after the other (`frame.ts`)
 *     spool/rejected.jsonl           entries that the store refuses, for a person to look at
 *
 *     append ──▶ last segment ──sync, 200 ms later──▶ disk            read ──▶ replay ──acknowledge──▶ whole segments are removed
 *
 * An entry is handed to the operating system before `append` returns: a killed process loses none. An entry that has waited for
 * 200 ms is synced, so a power failure can cost the last 200 ms and the time of a sync.
 * What is acknowledged is noted in its segment, where that stays, so that no later process replays it; only what the store had
 * taken in the moment of a kill is. A process takes over the segments of dead processes by renaming them into its own folder, one
 * by one, so that a crash in between loses none.
 */

export interface SpoolOptions {
  /** The folder of all processes' spools; it is made where it is missing. */
  readonly folder: string;
  /** Of this process: letters, digits, `-` and `_`. No other process ever has the same. */
  readonly name: string;
  /** The bound of all that is kept. Intents find room up to nine tenths of it, endings up to all of it. */
  readonly maxBytes: number;
  /** A damage or an error of the disk, in words, for the log. */
  readonly onProblem?: OnProblem;
  readonly files?: SpoolFiles;
  /** Calls back after some milliseconds; returns what ends the wait. */
  readonly after?: After;
}

export interface Spool extends RecordSpool {
  /** Takes over what dead processes have left in the folder; those that live are left alone. Returns the bytes. */
  adopt(): number;
}

export type OpenedSpool =
  | { readonly ok: true; readonly spool: Spool }
  /** `locked`: a living process has this name. */
  | { readonly ok: false; readonly reason: 'locked' | 'failed'; readonly message: string };

/** Between an append and its sync. */
const syncMs = 200;
const largestSegmentBytes = 4 * 1024 ** 2;
const reservedPart = 0.1;
/** Of what waits for the store, while the store takes it: some thousand entries. */
const recentBytes = 2 * 1024 ** 2;
/** A segment with nothing but acknowledged entries is removed at this size, or after this time without a new one. */
const keptBytes = 512 * 1024;
const idleMs = 2_000;

/** Opens the spool of this process, and takes over those of dead ones. `close` ends it. */
export function openSpool(options: SpoolOptions): OpenedSpool {
  if (!/^[\w-]+$/.test(options.name)) throw new Error(`no name for a spool: ${options.name}`);
  const { files = realSpoolFiles } = options;
  const own = `${options.folder}/${options.name}`;
  try {
    // A process that looks for dead ones may hold the lock for a moment, and remove the folder.
    for (let left = 50; left > 0; left -= 1) {
      files.makeFolder(own);
      const lock = files.lock(own);
      if (lock !== undefined) return { ok: true, spool: new SegmentSpool(options, files, lock) };
      files.pause(10);
    }
  } catch (error) {
    return { ok: false, reason: 'failed', message: error instanceof Error ? error.message : String(error) };
  }
  return { ok: false, reason: 'locked', message: `a living process uses ${own}` };
}

interface OpenSegment {
  readonly file: number;
  readonly segment: Segment;
}

class SegmentSpool implements Spool {
  private readonly options: SpoolOptions;
  private readonly files: SpoolFiles;
  private readonly lock: SpoolLock;
  private readonly own: string;
  private readonly segmentBytes: number;
  /** In the order of their positions; the last one may be open. */
  private segments: Segment[] = [];
  private open: OpenSegment | undefined;
  private lastNumber = 0;
  acknowledged = 0;
  private readonly removal: SegmentRemoval;
  end = 0;
  /** The last entries, so that they need not be read from the disk. */
  private readonly recent = createRecentEntries(recentBytes);
  private onDisk = 0;
  private readonly sync: GroupedSync;
  private closed = false;
  /** The disk has not taken the last entries. */
  private failing = false;
  private readonly after: After;
  /** Ends the wait of {@link dropWhenIdle}. */
  private stopIdle: (() => void) | undefined;
  private readonly problem: OnProblem;

  constructor(options: SpoolOptions, files: SpoolFiles, lock: SpoolLock) {
    this.options = options;
    this.files = files;
    this.lock = lock;
    this.problem = options.onProblem ?? (() => {});
    this.removal = createSegmentRemoval(files, this.problem);
    this.own = `${options.folder}/${options.name}`;
    this.after = options.after ?? afterTimeout;
    this.sync = createGroupedSync({
      files,
      folder: this.own,
      afterMs: syncMs,
      after: this.after,
      needed: () => !this.empty,
      onProblem: this.problem,
    });
    this.segmentBytes = Math.min(largestSegmentBytes, Math.ceil(options.maxBytes / 16));
    try {
      const taken = takeSegments(files, { from: this.own, own: this.own, lastNumber: 0 }, this.problem);
      this.add(taken.segments, taken.lastNumber);
      this.adopt();
    } catch (error) {
      lock.release('keep');
      throw error;
    }
  }

  get empty(): boolean {
    return this.acknowledged === this.end;
  }

  get bytes(): number {
    return this.onDisk;
  }

  append(entries: readonly SpoolEntry[], kind: 'intents' | 'endings'): 'kept' | 'full' | 'failed' {
    if (this.closed) return 'failed';
    const bytes = encodeFrames(entries);
    const bound = this.options.maxBytes * (kind === 'intents' ? 1 - reservedPart : 1);
    if (this.onDisk + bytes.length > bound) this.dropStored();
    if (this.onDisk + bytes.length > bound) return 'full';
    let opened: OpenSegment;
    try {
      opened = this.openLast();
    } catch (error) {
      return this.failed('the spool could not be opened', error);
    }
    try {
      this.write(opened, entries, bytes);
    } catch (error) {
      return this.failed('the spool could not be written', error);
    }
    this.failing = false;
    this.sync.wrote(opened.file);
    return 'kept';
  }

  /** Of several failures in a row the first is reported. */
  private failed(what: string, error: unknown): 'failed' {
    if (!this.failing) this.problem(what, error);
    this.failing = true;
    return 'failed';
  }

  /** Appends to the segment that grows. Where it throws, nothing was appended. */
  private write({ file, segment }: OpenSegment, entries: readonly SpoolEntry[], bytes: Uint8Array): void {
    try {
      this.files.append(file, bytes);
    } catch (error) {
      this.undo(file, segment);
      throw error;
    }
    segment.length += bytes.length;
    segment.bytes += bytes.length;
    this.recent.add(entries, this.end, this.end + bytes.length);
    this.end += bytes.length;
    this.onDisk += bytes.length;
  }

  read(): { readonly entries: readonly SpoolEntry[]; readonly position: number } {
    const recent = this.recent.after(this.acknowledged);
    if (recent !== undefined) return recent;
    const segment = this.segments.find(({ start, length }) => start + length > this.acknowledged);
    if (segment === undefined) return { entries: [], position: this.acknowledged };
    const at = Math.max(0, this.acknowledged - segment.start);
    const { entries, end } = readEntries(this.files, segment, at, this.problem);
    return { entries, position: segment.start + end };
  }

  acknowledge(position: number): void {
    this.acknowledged = Math.min(this.end, Math.max(this.acknowledged, position));
    this.recent.drop(this.acknowledged);
    const large = Math.min(keptBytes, this.segmentBytes);
    if (this.empty && this.open !== undefined && this.open.segment.length >= large) this.dropStored();
    const done = this.segments.filter(
      (segment) => segment.start + segment.length <= this.acknowledged && segment !== this.open?.segment,
    );
    this.segments = this.segments.slice(done.length);
    this.onDisk -= this.removal.remove(done);
    this.noteAcknowledged();
    if (this.empty && this.open !== undefined) this.dropWhenIdle();
  }

  /** Writes into the segment that stays how much of it is acknowledged. Where the disk fails, that much is replayed after a kill. */
  private noteAcknowledged(): void {
    const position = this.acknowledged;
    const segment = this.segments.find(({ start, length }) => start < position && position <= start + length);
    if (segment === undefined) return;
    const count = segment.skipped + position - segment.start;
    try {
      if (segment !== this.open?.segment) {
        const more = appendAcknowledgement(this.files, segment, count);
        segment.bytes += more;
        this.onDisk += more;
      } else {
        const { empty } = this;
        this.write(this.open, [], encodeAcknowledgement(count));
        if (empty) this.acknowledged = this.end;
        this.recent.drop(this.acknowledged);
      }
    } catch (error) {
      this.failed('what is acknowledged could not be noted in the spool', error);
    }
  }

  /** Removes the segment that grows, where all of it is acknowledged. */
  private dropStored(): void {
    const segment = this.open?.segment;
    if (segment === undefined || !this.empty) return;
    this.closeOpen('removed');
    this.segments = this.segments.filter((other) => other !== segment);
    this.onDisk -= this.removal.remove([segment]);
  }

  /** To make a file for each group of entries would cost more than to write them, so it stays while more come. */
  private dropWhenIdle(): void {
    if (this.stopIdle !== undefined) return;
    const { end } = this;
    this.stopIdle = this.after(idleMs, () => {
      this.stopIdle = undefined;
      if (this.end === end) this.dropStored();
      else if (this.empty) this.dropWhenIdle();
    });
  }

  reject(entry: SpoolEntry): void {
    try {
      const file = this.files.open(`${this.options.folder}/rejected.jsonl`);
      try {
        this.files.append(file, Buffer.from(`${JSON.stringify(entry)}\n`));
      } finally {
        this.files.close(file);
      }
    } catch (error) {
      this.problem('a rejected record could not be put aside', error);
    }
  }

  adopt(): number {
    const before = this.onDisk;
    const { folder, name } = this.options;
    for (const other of this.files.list(folder)) {
      if (other === name || !/^[\w-]+$/.test(other)) continue;
      try {
        this.adoptFolder(`${folder}/${other}`);
      } catch (error) {
        this.problem('the spool of a dead process could not be taken over', error);
      }
    }
    return this.onDisk - before;
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.stopIdle?.();
    this.dropStored();
    this.closeOpen('written');
    this.sync.finish();
    this.onDisk -= this.removal.remove([]);
    try {
      // The next process takes over what is left, by its lock.
      const emptied = this.segments.length === 0 && this.removal.complete;
      this.lock.release(emptied ? 'remove' : 'keep');
      this.files.removeFolder(this.own);
    } catch (error) {
      this.problem('the folder of the spool could not be removed', error);
    }
  }

  private adoptFolder(other: string): void {
    if (!this.files.list(other).includes('lock')) return;
    const lock = this.files.lock(other);
    if (lock === undefined) return;
    let emptied = false;
    try {
      // What is taken over comes after what is there: the next append begins a new segment.
      this.closeOpen('written');
      const taken = takeSegments(
        this.files,
        { from: other, own: this.own, lastNumber: this.lastNumber },
        this.problem,
      );
      this.add(taken.segments, taken.lastNumber);
      emptied = taken.complete;
    } finally {
      lock.release(emptied ? 'remove' : 'keep');
    }
    this.files.removeFolder(other);
  }

  private add(segments: readonly Omit<Segment, 'start'>[], lastNumber: number): void {
    this.lastNumber = lastNumber;
    for (const segment of segments) {
      this.segments.push({ ...segment, start: this.end });
      this.end += segment.length;
      this.onDisk += segment.bytes;
      this.syncTaken(segment.path);
    }
  }

  /** The process that wrote it may have died before its sync. */
  private syncTaken(path: string): void {
    try {
      const file = this.files.open(path);
      this.sync.wrote(file);
      this.sync.release(file, 'written');
    } catch (error) {
      this.problem('a part of the spool could not be synced', error);
    }
  }

  /** The segment that grows; a new one where the last one is large enough. */
  private openLast(): OpenSegment {
    if (this.open !== undefined && this.open.segment.length < this.segmentBytes) return this.open;
    this.closeOpen('written');
    const number = this.lastNumber + 1;
    const path = segmentPath(this.own, number);
    const file = this.files.open(path);
    this.lastNumber = number;
    const segment = { path, start: this.end, skipped: 0, length: 0, bytes: 0 };
    this.segments.push(segment);
    this.open = { file, segment };
    return this.open;
  }

  /** Takes back a part that was written. Where that fails too, the part is cut off when the segment is opened again. */
  private undo(file: number, segment: Segment): void {
    try {
      this.files.truncate(file, segment.length);
    } catch {
      this.closeOpen('written');
    }
    if (segment.length > 0) return;
    // A segment without entries has no length by which it could be found.
    if (this.open?.segment === segment) this.closeOpen('removed');
    this.segments = this.segments.filter((other) => other !== segment);
    try {
      this.files.remove(segment.path);
    } catch (error) {
      this.problem('an empty part of the spool could not be removed', error);
    }
  }

  private closeOpen(how: 'written' | 'removed'): void {
    if (this.open !== undefined) this.sync.release(this.open.file, how);
    this.open = undefined;
  }
}
