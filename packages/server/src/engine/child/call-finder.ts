import { suffixThatBegins } from '../../domain/reasoning-split.ts';

/** Looks in an answer for the marker with which tool calls begin. */
export interface CallFinder {
  push(text: string): Found;
  /** The end without a marker: returns the text that is held. */
  flush(): string;
  /** UTF-16 units that are held back. */
  held(): number;
}

export interface Found {
  /** Text that does not belong to a call. */
  readonly text: string;
  /** The text behind the marker, once it was found. White space before the marker is dropped. */
  readonly behind?: string;
}

export interface CallFinderOptions {
  readonly marker: string;
  /** True: the marker counts only at the start of the answer. */
  readonly atStart: boolean;
  /** True: white space leaves at once, although a marker may follow, because it may be a stop string. */
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
