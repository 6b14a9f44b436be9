import { encodeAcknowledgement, type OnProblem, type Segment } from './segment.ts';
import type { SpoolFiles } from './spool-files.ts';

/** Removes segments of which everything is acknowledged. */
export interface SegmentRemoval {
  /** Removes these, and those that the disk has not let go before. Returns the bytes that are free now. */
  remove(segments: readonly Segment[]): number;
  /** Whether all of them are gone. */
  readonly complete: boolean;
}

export function createSegmentRemoval(files: SpoolFiles, onProblem: OnProblem): SegmentRemoval {
  let unremoved: readonly Segment[] = [];
  /** Those of them that say that they are acknowledged: no later process replays them. */
  const noted = new WeakSet<Segment>();

  function note(segment: Segment): void {
    if (noted.has(segment)) return;
    try {
      appendAcknowledgement(files, segment, segment.bytes);
      noted.add(segment);
    } catch {
      // The disk has just said that it fails.
    }
  }

  return {
    remove(segments) {
      let freed = 0;
      const before = new Set(unremoved);
      unremoved = [...unremoved, ...segments].filter((segment) => {
        try {
          files.remove(segment.path);
          freed += segment.bytes;
          return false;
        } catch (error) {
          if (!before.has(segment)) onProblem('a replayed part of the spool could not be removed', error);
          return true;
        }
      });
      for (const segment of unremoved) note(segment);
      return freed;
    },
    get complete() {
      return unremoved.length === 0;
    },
  };
}

/**
 * Notes in a segment that does not grow any more that its first `count` bytes are acknowledged: what follows its entries has no
 * position. Returns the bytes that it takes.
 */
export function appendAcknowledgement(
  files: SpoolFiles,
  segment: Pick<Segment, 'path'>,
  count: number,
): number {
  const bytes = encodeAcknowledgement(count);
  const file = files.open(segment.path);
  try {
    files.append(file, bytes);
  } finally {
    files.close(file);
  }
  return bytes.length;
}
