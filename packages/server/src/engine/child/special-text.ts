/**
 * Control tokens have texts (`<|im_end|>`), which a client can send. The rule: only the chat template makes control
 * tokens.
 *
 * Before rendering, a mark that occurs in no message is inserted into each such text in a message. After rendering, the
 * texts without a mark are those of the template. The marks are removed, and the text on both sides of a mark is
 * tokenised separately, so that it cannot become a control token.
 */
import { sliceEnd, sliceUnits } from './slice-end.ts';

export interface SpecialTexts {
  /** A mark that occurs in none of the texts. */
  markFor(texts: readonly string[]): string;
  /** The text with marks in its special texts, and at its edges where they could complete one. */
  break(text: string, mark: string): string;
  /**
   * The control tokens of rendered text and the plain text between them; long text in slices. Computed one by one, so
   * that the caller can pause or stop.
   */
  split(rendered: string, mark: string): Iterable<Segment>;
}

export type Segment =
  | { readonly type: 'token'; readonly token: number }
  /** `continued`: it follows other text directly, so the tokenizer must add no leading space. */
  | { readonly type: 'text'; readonly text: string; readonly continued: boolean };

interface Node {
  readonly next: Map<number, Node>;
  token: number | undefined;
}

/** Texts of one unit are ignored: a mark cannot break them, and no known model has one. */
export function createSpecialTexts(tokens: Iterable<readonly [text: string, token: number]>): SpecialTexts {
  const root: Node = { next: new Map(), token: undefined };
  const ends = new Set<string>();
  let longest = 0;
  for (const [text, token] of tokens) {
    if (text.length < 2) continue;
    longest = Math.max(longest, text.length);
    for (let index = 1; index < text.length; index++) ends.add(text.slice(index));
    let node = root;
    for (let index = 0; index < text.length; index++) {
      const unit = text.charCodeAt(index);
      let child = node.next.get(unit);
      if (child === undefined) {
        child = { next: new Map(), token: undefined };
        node.next.set(unit, child);
      }
      node = child;
    }
    node.token ??= token;
  }

  const starts = startsOf(root.next.keys());

  /** The next place where a special text may begin; the text's length where there is none. */
  function nextStart(text: string, from: number): number {
    if (starts === undefined) return text.length;
    starts.lastIndex = from;
    return starts.exec(text)?.index ?? text.length;
  }

  /** The longest special text at an index; `open`: true where the text ends inside a possible special text. */
  function matchAt(text: string, index: number): { length: number; token: number; open: boolean } {
    let node: Node | undefined = root;
    let length = 0;
    let token = -1;
    for (let at = index; at < text.length; at++) {
      node = node.next.get(text.charCodeAt(at));
      if (node === undefined) return { length, token, open: false };
      if (node.token !== undefined) {
        length = at + 1 - index;
        token = node.token;
      }
    }
    return { length, token, open: node.next.size > 0 };
  }

  /** True where a text could complete a special one that the template began. */
  function completes(text: string): boolean {
    for (let length = 1; length <= longest && length <= text.length; length++) {
      if (ends.has(text.slice(0, length))) return true;
    }
    return false;
  }

  return {
    markFor(texts) {
      for (let number = 0; ; number++) {
        const mark = `\ue0a7${number.toString(36)}\ue0a7`;
        if (!texts.some((text) => text.includes(mark))) return mark;
      }
    },
    break(text, mark) {
      let broken = '';
      let from = 0;
      for (let index = nextStart(text, 0); index < text.length; index = nextStart(text, index + 1)) {
        const match = matchAt(text, index);
        if (match.length === 0 && !match.open) continue;
        broken += text.slice(from, index + 1) + mark;
        from = index + 1;
      }
      broken += text.slice(from);
      return completes(text) ? mark + broken : broken;
    },
    *split(rendered, mark) {
      let from = 0;
      let continued = false;
      function* textUpTo(end: number): Iterable<Segment> {
        while (from < end) {
          const cut = Math.min(sliceEnd(rendered, from, mark), end);
          for (const text of rendered.slice(from, cut).split(mark)) {
            if (text === '') continue;
            yield { type: 'text', text, continued };
            continued = true;
          }
          from = cut;
        }
      }
      for (let index = nextStart(rendered, 0); index < rendered.length; index = nextStart(rendered, index)) {
        const match = matchAt(rendered, index);
        if (match.length > 0) {
          yield* textUpTo(index);
          yield { type: 'token', token: match.token };
          index += match.length;
          from = index;
          continued = false;
        } else {
          index++;
          // Text further back than the longest special text can no longer become one.
          while (index - from > 2 * sliceUnits) yield* textUpTo(sliceEnd(rendered, from, mark));
        }
      }
      yield* textUpTo(rendered.length);
    },
  };
}

/** An expression for the first units of special texts; undefined where there are none. */
function startsOf(units: Iterable<number>): RegExp | undefined {
  const listed = [...units].map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`).join('');
  return listed === '' ? undefined : new RegExp(`[${listed}]`, 'g');
}
