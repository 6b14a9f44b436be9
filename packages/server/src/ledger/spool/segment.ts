import { encodeFrames, frameAt } from './frame.ts';
import type { SpoolFiles } from './spool-files.ts';

/** A file of the spool. Positions count the bytes of all segments of a spool since it was opened, but for what was acknowledged before. */
export interface Segment {
  readonly path: string;
  /** The position of its first entry that was not acknowledged when it was taken. */
  readonly start: number;
  /** Where in the file that is. */
  readonly skipped: number;
  /** Bytes of whole entries from there. */
  length: number;
  /** Of the whole file. */
  bytes: number;
}

export interface TakenSegments {
  readonly segments: readonly Omit<Segment, 'start'>[];
  readonly lastNumber: number;
  /** Nothing is left in the folder. */
  readonly complete: boolean;
}

/** A damage or an error of the disk, in words. */
export type OnProblem = (what: string, error?: unknown) => void;

/** What a segment holds. */
export interface SegmentContent {
  /** Bytes of whole entries. */
  readonly whole: number;
  /** Where the first entry is that waits for the store; `whole` where none does. */
  readonly waitsFrom: number;
  /** How many wait. */
  readonly waiting: number;
}

/*
 * An acknowledgement is an entry of its own in the segment that it is about: so it has a checksum, is torn like any entry, and
 * travels with the segment to the next process. Without it, what the store has taken would be replayed after a kill; and a
 * record whose row retention has deleted meanwhile would be counted again.
 */
const acknowledgement = Buffer.from('{"acknowledged":');

/** The entry that says that the first bytes of its segment are acknowledged. */
export function encodeAcknowledgement(bytes: number): Uint8Array {
  return encodeFrames([{ acknowledged: bytes }]);
}

/** Whether the text of an entry is an acknowledgement: the other entries begin with their type. */
export function isAcknowledgement(text: Buffer): boolean {
  return text.subarray(0, acknowledgement.length).equals(acknowledgement);
}

/** Reads the bytes of a segment, up to the first that are not a whole entry. */
export function readSegment(bytes: Buffer): SegmentContent {
  let acknowledged = 0;
  let whole = 0;
  const entries: number[] = [];
  for (let frame = frameAt(bytes, 0); frame !== undefined; frame = frameAt(bytes, whole)) {
    if (isAcknowledgement(frame.text)) {
      const bytesBefore = Number.parseInt(frame.text.toString('latin1', acknowledgement.length), 10);
      acknowledged = Math.max(acknowledged, bytesBefore);
    } else entries.push(whole);
    whole = frame.end;
  }
  const waiting = entries.filter((at) => at >= acknowledged);
  return { whole, waitsFrom: waiting[0] ?? whole, waiting: waiting.length };
}

/**
 * Takes the segments of a folder, oldest first, and cuts off what a crash has left half written at their ends. From another
 * folder they are renamed into `own`, under numbers after `lastNumber`. Those of which everything is acknowledged are removed. A
 * segment that cannot be read is left where it is.
 */
export function takeSegments(
  files: SpoolFiles,
  { from, own, lastNumber }: { readonly from: string; readonly own: string; readonly lastNumber: number },
  onProblem: OnProblem,
): TakenSegments {
  const segments: Omit<Segment, 'start'>[] = [];
  let last = lastNumber;
  let complete = true;
  const names = files.list(from).filter((name) => /^\d{10}\.log$/.test(name));
  for (const name of names.sort()) {
    if (from === own) last = Number.parseInt(name, 10);
    try {
      const { whole, waitsFrom } = cutTorn(files, `${from}/${name}`, onProblem);
      if (waitsFrom === whole) {
        files.remove(`${from}/${name}`);
        continue;
      }
      if (from !== own) {
        files.rename(`${from}/${name}`, segmentPath(own, last + 1));
        last += 1;
      }
      segments.push({
        path: segmentPath(own, last),
        skipped: waitsFrom,
        length: whole - waitsFrom,
        bytes: whole,
      });
    } catch (error) {
      complete = false;
      onProblem('a part of the spool could not be read', error);
    }
  }
  return { segments, lastNumber: last, complete };
}

/** The file of a segment by its number. */
export function segmentPath(folder: string, number: number): string {
  return `${folder}/${String(number).padStart(10, '0')}.log`;
}

/** What follows the whole entries is cut off. */
function cutTorn(files: SpoolFiles, path: string, onProblem: OnProblem): SegmentContent {
  const file = files.open(path);
  try {
    const size = files.size(file);
    const content = readSegment(files.read(file, 0, size));
    if (content.whole < size) {
      onProblem(
        `${size - content.whole} bytes at the end of a part of the spool were not whole and were cut off`,
      );
      files.truncate(file, content.whole);
    }
    return content;
  } finally {
    files.close(file);
  }
}
