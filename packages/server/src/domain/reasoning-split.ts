/**
 * Separates a model's reasoning from its answer, by tags in its text.
 *
 *     opening ──open tag──▶ reasoning ──close tag──▶ gap ──▶ text
 *        └───────────────anything else───────────────────────▲
 *
 * Only a block at the beginning of the answer, or one that the chat template has opened, is reasoning; later tags are text.
 * Text that may become a tag is held. White space before and after the opening tag, and after the closing tag, is dropped.
 */
export interface ReasoningSplit {
  /**
   * Takes the next piece of the model's text. Returns the text that is no longer held: its reasoning and its answer text.
   */
  push(text: string): Parts;
  /** Ends the text: returns what is held. */
  flush(): Parts;
  phase(): 'opening' | 'reasoning' | 'text';
  /** Whether all further text is answer, so that `push` need not be called any more. */
  done(): boolean;
  /** UTF-16 units that are held. */
  held(): number;
}

/** Text that is no longer held, by its kind; either may be empty. */
export interface Parts {
  readonly reasoning: string;
  readonly text: string;
}

/** The tags around a block of reasoning. */
export interface ReasoningTags {
  readonly open: string;
  readonly close: string;
}

/** White space at the beginning of an answer that may come before a tag, in UTF-16 units. */
const longestIndent = 64;

/** `tags`: those that may open a block at the beginning; `opened`: those of a block that the chat template has opened. */
export function createReasoningSplit(
  tags: readonly ReasoningTags[],
  opened: ReasoningTags | undefined,
): ReasoningSplit {
  let phase: 'opening' | 'reasoning' | 'gap' | 'text' =
    opened !== undefined ? 'reasoning' : tags.length > 0 ? 'opening' : 'text';
  let close = opened?.close ?? '';
  let pending = '';
  let begun = false;

  function inOpening(): void {
    const trimmed = pending.trimStart();
    const found = tags.find(({ open }) => trimmed.startsWith(open));
    if (found !== undefined) {
      phase = 'reasoning';
      close = found.close;
      pending = trimmed.slice(found.open.length);
    } else if (pending.length > longestIndent || !tags.some(({ open }) => open.startsWith(trimmed))) {
      phase = 'text';
    }
  }

  function inReasoning(): string {
    if (!begun) pending = pending.trimStart();
    const end = pending.indexOf(close);
    const cut = end === -1 ? pending.length - suffixThatBegins(close, pending) : end;
    const reasoning = pending.slice(0, cut);
    pending = pending.slice(cut);
    begun ||= reasoning !== '';
    if (end !== -1) {
      phase = 'gap';
      pending = pending.slice(close.length);
    }
    return reasoning;
  }

  function inText(): string {
    if (phase === 'gap') {
      pending = pending.trimStart();
      if (pending !== '') phase = 'text';
    }
    const text = pending;
    pending = '';
    return text;
  }

  return {
    push(text) {
      pending += text;
      if (phase === 'opening') inOpening();
      const reasoning = phase === 'reasoning' ? inReasoning() : '';
      return { reasoning, text: phase === 'gap' || phase === 'text' ? inText() : '' };
    },
    flush() {
      const rest = pending;
      pending = '';
      return phase === 'reasoning' ? { reasoning: rest, text: '' } : { reasoning: '', text: rest };
    },
    phase: () => (phase === 'gap' ? 'text' : phase),
    done: () => phase === 'text',
    held: () => pending.length,
  };
}

/** The length of the longest suffix of `text` that is a proper prefix of `word`. */
export function suffixThatBegins(word: string, text: string): number {
  for (let length = Math.min(word.length - 1, text.length); length > 0; length--) {
    if (text.endsWith(word.slice(0, length))) return length;
  }
  return 0;
}
