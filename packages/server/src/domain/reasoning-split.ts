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
  return new Split(tags, opened);
}

class Split implements ReasoningSplit {
  private readonly tags: readonly ReasoningTags[];
  private state: 'opening' | 'reasoning' | 'gap' | 'text';
  private close: string;
  private pending = '';
  private begun = false;

  constructor(tags: readonly ReasoningTags[], opened: ReasoningTags | undefined) {
    this.tags = tags;
    this.state = opened !== undefined ? 'reasoning' : tags.length > 0 ? 'opening' : 'text';
    this.close = opened?.close ?? '';
  }

  push(text: string): Parts {
    this.pending += text;
    if (this.state === 'opening') this.readOpening();
    const reasoning = this.state === 'reasoning' ? this.takeReasoning() : '';
    return { reasoning, text: this.phase() === 'text' ? this.takeText() : '' };
  }

  flush(): Parts {
    const rest = this.pending;
    this.pending = '';
    return this.state === 'reasoning' ? { reasoning: rest, text: '' } : { reasoning: '', text: rest };
  }

  phase(): 'opening' | 'reasoning' | 'text' {
    return this.state === 'gap' ? 'text' : this.state;
  }

  done(): boolean {
    return this.state === 'text';
  }

  held(): number {
    return this.pending.length;
  }

  private readOpening(): void {
    const trimmed = this.pending.trimStart();
    const found = this.tags.find(({ open }) => trimmed.startsWith(open));
    if (found !== undefined) {
      this.state = 'reasoning';
      this.close = found.close;
      this.pending = trimmed.slice(found.open.length);
    } else if (
      this.pending.length > longestIndent ||
      !this.tags.some(({ open }) => open.startsWith(trimmed))
    ) {
      this.state = 'text';
    }
  }

  private takeReasoning(): string {
    if (!this.begun) this.pending = this.pending.trimStart();
    const { pending, close } = this;
    const end = pending.indexOf(close);
    const cut = end === -1 ? pending.length - suffixThatBegins(close, pending) : end;
    const reasoning = pending.slice(0, cut);
    this.pending = pending.slice(cut);
    this.begun ||= reasoning !== '';
    if (end !== -1) {
      this.state = 'gap';
      this.pending = this.pending.slice(close.length);
    }
    return reasoning;
  }

  private takeText(): string {
    if (this.state === 'gap') {
      this.pending = this.pending.trimStart();
      if (this.pending !== '') this.state = 'text';
    }
    const text = this.pending;
    this.pending = '';
    return text;
  }
}

/** The length of the longest suffix of `text` that is a proper prefix of `word`. */
export function suffixThatBegins(word: string, text: string): number {
  for (let length = Math.min(word.length - 1, text.length); length > 0; length--) {
    if (text.endsWith(word.slice(0, length))) return length;
  }
  return 0;
}
