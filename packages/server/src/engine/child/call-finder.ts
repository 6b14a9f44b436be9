import { suffixThatBegins } from '../../domain/reasoning-split.ts';

/** Looks in an answer for the marker by which a model begins to call tools. */
export interface CallFinder {
  push(text: string): Found;
  /** The end without a marker: what was held back leaves. */
  flush(): string;
  /** UTF-16 units that are held back. */
  held(): number;
}

export interface Found {
  /** Text that is certain not to belong to a call. */
  readonly text: string;
  /** What followed the marker, once it was found; white space before it belongs to nobody. */
  readonly behind?: string;
}

export interface CallFinderOptions {
  readonly marker: string;
  /** The marker counts only as the first thing that is said. */
  readonly atStart: boolean;
  /** White space is text at once, though a marker may follow: somebody looks for it there. */
  readonly spaceLeaves: boolean;
}

export function createCallFinder({ marker, atStart, spaceLeaves }: CallFinderOptions): CallFinder {
  const wordsOf = (text: string): string => (spaceLeaves ? text : text.trimEnd());
  let pending = '';
  let given = false;

  return {
    push(text) {
      pending += text;
      if (atStart && given) return leave(pending.length);
      const at = pending.indexOf(marker);
      if (at !== -1 && (!atStart || pending.slice(0, at).trim() === '')) {
        const before = wordsOf(pending.slice(0, at));
        const behind = pending.slice(at + marker.length);
        pending = '';
        return { text: before, behind };
      }
      const kept = pending.length - suffixThatBegins(marker, pending);
      const leaving = wordsOf(pending.slice(0, kept));
      return leave(atStart && leaving.trim() !== '' ? pending.length : leaving.length);
    },
    flush() {
      const rest = pending;
      pending = '';
      return rest;
    },
    held: () => pending.length,
  };

  function leave(length: number): Found {
    const text = pending.slice(0, length);
    pending = pending.slice(length);
    given ||= text.trim() !== '';
    return { text };
  }
}
