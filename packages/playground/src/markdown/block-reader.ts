import { type MarkedOptions, marked, type Token } from 'marked';
import remend from 'remend';
import { createOpenFence } from './open-fence.ts';

/*
 * Markdown that grows. Only the last block can still change, so only that is parsed again:
 *
 *     # Title⏎⏎A paragraph.⏎⏎- one⏎- tw
 *     └────── settled ──────┘└─ open ─┘
 *
 * A block is settled once a blank line has ended it and another block has begun: a list or indented code continues behind a blank
 * line, and a heading may get its underline. `remend` closes what is not closed yet in the open part (`**bo` is bold already), so
 * that it does not change its look when the end comes.
 */

export interface Blocks {
  /** The same objects from call to call, in a list that only grows. */
  readonly settled: readonly Token[];
  readonly open: readonly Token[];
}

export interface BlockReader {
  /** Reads a text that begins with the text of the call before; any other text is read from its beginning. */
  read(text: string, isComplete: boolean): Blocks;
}

const options: MarkedOptions = { gfm: true, breaks: false };
/** Above this length an open block is shown as it is: to parse it again for each frame would stop the page. */
const maxOpenLength = 16_384;
/** Above this length a list is no list for readers. */
const maxPartsLength = 400_000;
/** Such a text is cut into blocks of this length: a browser lays out a whole block anew when it grows, 100 kB take 200 ms. */
const plainLength = 4_096;

export function createBlockReader(): BlockReader {
  let settled: Token[] = [];
  let settledText = '';
  let fence = createOpenFence();
  /** An open block that is too long to be parsed for each frame is parsed again when it has grown to this length. */
  let parseFrom = 0;
  return {
    read(text, isComplete) {
      if (!text.startsWith(settledText)) {
        settled = [];
        settledText = '';
        fence = createOpenFence();
        parseFrom = 0;
      }
      const rest = text.slice(settledText.length);
      const code = isComplete ? undefined : fence.read(rest);
      if (code !== undefined) return { settled, open: [code] };
      // Half of a hostile text is longer than any block: it is looked at only where a block can end.
      if (rest.length > maxOpenLength && !rest.includes('\n\n') && !(isComplete && hasManyParts(rest)))
        return { settled, open: plain(rest) };
      if (!isComplete && rest.length < parseFrom) return { settled, open: plain(rest) };
      const tokens = parse(rest);
      const count = settledCount(tokens);
      if (count > 0) {
        const done = tokens.slice(0, count);
        settled = [...settled, ...done.flatMap(inPieces)];
        settledText += done.map(({ raw }) => raw).join('');
        fence = createOpenFence();
      }
      const open = tokens.slice(count);
      if (isComplete) return { settled, open: open.flatMap(inPieces) };
      const openText = open.map(({ raw }) => raw).join('');
      parseFrom = openText.length > maxOpenLength ? openText.length * 1.1 : 0;
      if (parseFrom > 0) return { settled, open: plain(openText) };
      return { settled, open: parse(closed(openText)) };
    },
  };
}

/** A list or a table, whose parts are parsed one by one: it may be long. */
function hasManyParts(text: string): boolean {
  if (text.length > maxPartsLength || !/^ {0,3}(?:[-*+] |\d{1,9}[.)] |\||```|~~~)/.test(text)) return false;
  return text.split('\n').every(({ length }) => length <= maxOpenLength) || /^[`~]/.test(text);
}

/** A text that may yet begin an item of the list before it: `-`, `12`, `12.`. */
const beginsAnItem = /^ {0,3}(?:[-*+]|\d{1,9}[.)]?)$/;

/** How many of the tokens no later text can change. */
function settledCount(tokens: readonly Token[]): number {
  const last = tokens.findLastIndex(({ type }) => type !== 'space');
  if (beginsAnItem.test(tokens[last]?.raw ?? '')) return 0;
  for (let at = last; at > 0; at -= 1) {
    const before = tokens[at - 1];
    if (isFence(before) || (isFence(tokens[at]) && tokens[at]?.raw.includes('\n'))) return at;
    if (before?.type === 'space' || before?.raw.endsWith('\n\n')) return at;
  }
  return 0;
}

/** Code between fences: nothing before it can reach into it, and once something follows it has ended. */
function isFence(token: Token | undefined): boolean {
  return token?.type === 'code' && token['codeBlockStyle'] !== 'indented';
}

/** A paragraph of such a length stays in pieces when it is complete. */
function inPieces(token: Token): Token[] {
  return token.type === 'paragraph' && token.raw.length > maxOpenLength ? plain(token.raw) : [token];
}

function parse(text: string): Token[] {
  try {
    const tokens = marked.lexer(text, options);
    // The lexer normalises line ends and tabs; where the pieces do not join to the text, none of them can be settled.
    return tokens.map(({ raw }) => raw).join('') === text ? [...tokens] : plain(text);
  } catch {
    // Nesting of a thousand levels overflows the parser's stack.
    return plain(text);
  }
}

function closed(text: string): string {
  try {
    return remend(text);
  } catch {
    return text;
  }
}

/** A text as it is, in blocks that end between two words where there are any. */
function plain(text: string): Token[] {
  const tokens: Token[] = [];
  for (let from = 0; from < text.length; ) {
    const end = from + plainLength;
    const space = end < text.length ? text.lastIndexOf(' ', end) : -1;
    const to = space > from ? space + 1 : end;
    const raw = text.slice(from, to);
    tokens.push({ type: 'plain', raw, text: raw });
    from = to;
  }
  return tokens;
}
