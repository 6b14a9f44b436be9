import type { SpoolEntry } from '../spool-entry.ts';
import { frameAt, headBytes } from './frame.ts';
import { isAcknowledgement, type OnProblem, type Segment } from './segment.ts';
import type { SpoolFiles } from './spool-files.ts';

/** What one read returns, but for one entry that is larger. */
const readBytes = 256 * 1024;

/**
 * Some entries of a segment, from `at` bytes after its first one that waits, and where the next one begins. Throws where the disk
 * fails. What the disk has changed since it was checked is left out, and reported.
 */
export function readEntries(
  files: SpoolFiles,
  segment: Segment,
  at: number,
  onProblem: OnProblem,
): { readonly entries: readonly SpoolEntry[]; readonly end: number } {
  const bytes = bytesOf(files, segment, at);
  const entries: SpoolEntry[] = [];
  let used = 0;
  for (let frame = frameAt(bytes, used); frame !== undefined; frame = frameAt(bytes, used)) {
    if (!isAcknowledgement(frame.text)) {
      const entry = decode(frame.text);
      if (entry === undefined) onProblem('an entry of the spool is no JSON');
      else entries.push(entry);
    }
    used = frame.end;
  }
  if (used > 0) return { entries, end: at + used };
  // What follows in this segment cannot be found.
  onProblem(`${segment.length - at} bytes of the spool are damaged`);
  return { entries, end: segment.length };
}

function bytesOf(files: SpoolFiles, { path, skipped, length }: Segment, at: number): Buffer {
  const file = files.open(path);
  try {
    const whole = length - at;
    const from = skipped + at;
    const bytes = files.read(file, from, Math.min(whole, readBytes));
    if (bytes.length < headBytes || frameAt(bytes, 0) !== undefined) return bytes;
    // One entry that is larger than a read, unless it is damaged.
    const entryBytes = headBytes + bytes.readUInt32LE(0);
    return entryBytes <= whole ? files.read(file, from, entryBytes) : bytes;
  } finally {
    files.close(file);
  }
}

/** An entry of the spool, which only this code writes; its checksum is right. */
function decode(text: Buffer): SpoolEntry | undefined {
  try {
    return JSON.parse(text.toString()) as SpoolEntry;
  } catch {
    return undefined;
  }
}
