import { wholeFrames } from './frame.ts';
import type { SpoolFiles } from './spool-files.ts';

/** A file of the spool. Positions count the bytes of all segments of a spool since it was opened. */
export interface Segment {
  readonly path: string;
  /** The position of its first byte. */
  readonly start: number;
  /** Bytes of whole entries. */
  length: number;
}

export interface TakenSegments {
  readonly segments: readonly Omit<Segment, 'start'>[];
  readonly lastNumber: number;
  /** Nothing is left in the folder. */
  readonly complete: boolean;
}

/** A damage or an error of the disk, in words. */
export type OnProblem = (what: string, error?: unknown) => void;

/**
 * Takes the segments of a folder, oldest first, and cuts off what a crash has left half written at their ends. From another
 * folder they are renamed into `own`, under numbers after `lastNumber`. A segment that cannot be read is left where it is.
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
    try {
      const length = cutTorn(files, `${from}/${name}`, onProblem);
      if (length === 0) {
        files.remove(`${from}/${name}`);
        continue;
      }
      if (from === own) last = Number.parseInt(name, 10);
      else files.rename(`${from}/${name}`, segmentPath(own, last + 1));
      if (from !== own) last += 1;
      segments.push({ path: segmentPath(own, last), length });
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

/** Bytes of whole entries; what follows them is cut off. */
function cutTorn(files: SpoolFiles, path: string, onProblem: OnProblem): number {
  const file = files.open(path);
  try {
    const size = files.size(file);
    const whole = wholeFrames(files.read(file, 0, size));
    if (whole < size) {
      onProblem(`${size - whole} bytes at the end of a part of the spool were not whole and were cut off`);
      files.truncate(file, whole);
    }
    return whole;
  } finally {
    files.close(file);
  }
}
