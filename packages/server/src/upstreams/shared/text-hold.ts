/**
 * Keeps half a surrogate pair at the end of a piece back for its other half: a delta must be text that can
 * stand alone. One for each choice and channel.
 */
export interface TextHold {
  /** The part of everything said so far that can be passed on now; may be empty. */
  take(piece: string): string;
  /** What is still held, as U+FFFD: its other half will not come. Empty where nothing is. */
  flush(): string;
  /** True while half a pair is held. */
  readonly holding: boolean;
}

export function createTextHold(): TextHold {
  let half = '';
  return {
    take(piece) {
      if (piece === '') return '';
      const text = half + piece;
      const last = text.charCodeAt(text.length - 1);
      half = last >= 0xd800 && last <= 0xdbff ? text.slice(-1) : '';
      return (half === '' ? text : text.slice(0, -1)).toWellFormed();
    },
    flush() {
      const left = half === '' ? '' : '\ufffd';
      half = '';
      return left;
    },
    get holding() {
      return half !== '';
    },
  };
}
