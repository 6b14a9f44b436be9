/**
 * Tells a model's thoughts from its answer.
 *
 *     opening ──open tag──▶ reasoning ──close tag──▶ gap ──▶ text
 *        └───────────────anything else───────────────────────▲
 *
 * Only a block that opens the answer, or that the chat template opened, is reasoning; tags that come later are
 * text. Held back is what may still become a tag. White space around the tags belongs to neither side.
 */
export interface ReasoningSplit {
  push(text: string): Parts;
  /** The end: what was held back leaves. */
  flush(): Parts;
  phase(): 'opening' | 'reasoning' | 'text';
  /** From here on everything is text and passes as it comes: whoever asks may stop asking. */
  done(): boolean;
  /** UTF-16 units that are held back. */
  held(): number;
}

export interface Parts {
  readonly reasoning: string;
  readonly text: string;
}

export interface ReasoningTags {
  readonly open: string;
  readonly close: string;
}

/** White space before an answer that is waited through for a tag. */
const longestIndent = 64;

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
    const said = pending.trimStart();
    const found = tags.find(({ open }) => said.startsWith(open));
    if (found !== undefined) {
      phase = 'reasoning';
      close = found.close;
      pending = said.slice(found.open.length);
    } else if (pending.length > longestIndent || !tags.some(({ open }) => open.startsWith(said))) {
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

/** The length of the longest end of a text that is a proper beginning of `word`. */
export function suffixThatBegins(word: string, text: string): number {
  for (let length = Math.min(word.length - 1, text.length); length > 0; length--) {
    if (text.endsWith(word.slice(0, length))) return length;
  }
  return 0;
}
