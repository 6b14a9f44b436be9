import { errorWords, type WordKind } from './error-words.ts';

/**
 * Text from outside, as the log may show it. A provider may repeat the prompt anywhere: in an error's message, code and
 * type, in a finish reason, in a header. So without `logging.content` only the words of `error-words.ts` are shown; each run
 * of other words becomes one `…`.
 */

const maxRead = 2_000;
const maxWithContent = 500;
const maxWithoutContent = 200;
const longestName = 64;
/** Digits in a row of numbers: `1,048,576` is a size, a longer row may be the number of a credit card. */
const maxDigits = 7;
/** Words from a number to the word that makes it a measure. */
const maxDistance = 3;
/** A run of fewer words of errors is hidden: it says nothing, and may be part of any text. */
const fewestWords = 2;

/**
 * The wording of an upstream or of a bug, for an operator who has asked for content: bounded, otherwise unchanged (the log
 * masks secrets later). It is cut between words, because half a secret could not be recognised.
 */
export function wholeWording(text: string): string {
  if (text.length <= maxWithContent) return text;
  return `${text
    .slice(0, maxWithContent - 1)
    .replace(/[\x21-\x7e]+$/, '')
    .toWellFormed()}…`;
}

/** The same for a log without content: words of errors, and numbers beside words that make them measures. */
export function wordingWithoutContent(text: string): string {
  const pieces = [
    ...onOneLine(text.slice(0, maxRead)).matchAll(/([\p{L}\p{M}\p{N}_]+)|([^\p{L}\p{M}\p{N}_]+)/gu),
  ];
  const items: Item[] = [];
  let before = '';
  for (const [, word, between = ''] of pieces) {
    if (word === undefined) {
      before = /^[\x20-\x7e]{1,4}$/.test(between) ? between : ' ';
      if (!/^[\x20-\x7e]*$/.test(between)) items.push({ before: ' ', word: '', kind: 'hidden' });
      continue;
    }
    // The last word of a text that was cut may be half a word.
    items.push({ before, word, kind: kindOf(word) });
    before = '';
  }
  if (text.length > maxRead) items.push({ before: ' ', word: '', kind: 'hidden' });
  return joined(hidden(items), before.trimEnd());
}

/**
 * A name that comes from outside, such as a code or a finish reason. Of anything that could be a text only the length is
 * shown. A name may hold a few digits, as a count or a status has; an address or the number of a credit card has no words,
 * or more digits.
 */
export function nameOf(value: unknown): string {
  if (typeof value === 'number' && Number.isInteger(value) && Math.abs(value) < 1_000) return `${value}`;
  if (typeof value !== 'string') return `some ${typeof value}`;
  const isShort = value.length <= longestName && /^[\w./[\]-]+$/.test(value);
  return isShort && isName(partsOf(value)) ? value : `some string of ${value.length} characters`;
}

/** Control characters and line ends become spaces, halves of characters U+FFFD. */
export function onOneLine(text: string): string {
  return text
    .replace(/[\p{Cc}\u2028\u2029]+/gu, ' ')
    .trim()
    .toWellFormed();
}

interface Item {
  /** The characters between it and the item before. */
  readonly before: string;
  readonly word: string;
  readonly kind: WordKind | 'number' | 'hidden';
}

/** The words in a compound name: `maxTokens`, `max_tokens`, `APIError`; digits are parts of their own. */
function partsOf(word: string): readonly string[] {
  return word.match(/\p{Lu}?\p{Ll}+|\p{Lu}+(?!\p{Ll})|\p{Lo}+|\d+/gu) ?? [];
}

/** Words of errors, with a number between two of them; or one number that may be a status. */
function isName(parts: readonly string[]): boolean {
  let digits = 0;
  for (const [at, part] of parts.entries()) {
    if (errorWords.has(part.toLowerCase())) continue;
    if (!/^\d{1,3}$/.test(part) || /^\d/.test(parts[at - 1] ?? '')) return false;
    digits += part.length;
  }
  return parts.length > 0 && digits <= maxDigits;
}

function kindOf(word: string): Item['kind'] {
  if (word.length > longestName || !/^\w+$/.test(word)) return 'hidden';
  if (/^\d+$/.test(word)) return 'number';
  const whole = errorWords.get(word.toLowerCase());
  if (whole !== undefined) return whole;
  const kinds = partsOf(word).map((part, index) =>
    index === 0 && /^\d{1,6}$/.test(part) ? 'measure' : errorWords.get(part.toLowerCase()),
  );
  if (kinds.length < 2 || kinds.includes(undefined)) return 'hidden';
  // `20GiB` and `400ms`, but not `4chairs`.
  if (/^\d/.test(word)) return kinds.slice(1).every((kind) => kind === 'measure') ? 'measure' : 'hidden';
  return kinds.includes('measure') ? 'measure' : 'technical';
}

function hidden(all: readonly Item[]): readonly Item[] {
  const counted = all.map((item, at) => (item.kind === 'number' && !isMeasured(all, at) ? hide(item) : item));
  const isWhole = counted.every(({ kind }) => kind !== 'hidden');
  const shown = [...counted];
  for (let from = 0; from < shown.length; from += 1) {
    if (shown[from]?.kind === 'hidden') continue;
    let to = from;
    while (to < shown.length && shown[to]?.kind !== 'hidden') to += 1;
    const run = shown.slice(from, to);
    const fromLists = run.filter(({ kind }) => kind === 'technical' || kind === 'measure').length;
    const isEdge = ({ kind }: Item) => kind === 'joining' || kind === 'number';
    // A joining word at the edge of a run joins nothing and is hidden.
    const first = from === 0 ? 0 : run.findIndex((item) => !isEdge(item));
    const last = to === shown.length ? run.length - 1 : run.findLastIndex((item) => item.kind !== 'joining');
    for (const [at, item] of run.entries()) {
      const isShown = (isWhole && fromLists > 0) || (fromLists >= fewestWords && at >= first && at <= last);
      if (!isShown) shown[from + at] = hide(item);
    }
    from = to;
  }
  return shown;
}

function hide(item: Item): Item {
  return { ...item, kind: 'hidden' };
}

function isMeasured(items: readonly Item[], at: number): boolean {
  let from = at;
  let to = at;
  while (items[from - 1]?.kind === 'number') from -= 1;
  while (items[to + 1]?.kind === 'number') to += 1;
  const digits = items.slice(from, to + 1).reduce((sum, { word }) => sum + word.length, 0);
  if (digits > maxDigits) return false;
  return isMeasureNear(items, from, -1) || isMeasureNear(items, to, 1);
}

function isMeasureNear(items: readonly Item[], at: number, step: 1 | -1): boolean {
  for (let distance = 1; distance <= maxDistance; distance += 1) {
    const kind = items[at + distance * step]?.kind;
    if (kind === 'measure') return true;
    if (kind === undefined || kind === 'hidden') return false;
  }
  return false;
}

function joined(items: readonly Item[], ending: string): string {
  let text = '';
  let isOpen = false;
  for (const { before, word, kind } of items) {
    if (kind === 'hidden') {
      if (!isOpen) text += text === '' ? '…' : `${/^[,;:.]/.exec(before)?.[0] ?? ''} …`;
      isOpen = true;
    } else {
      const next = `${isOpen ? ' ' : before}${word}`;
      if (text.length + next.length > maxWithoutContent) return isOpen ? text : `${text} …`;
      text += text === '' ? next.trimStart() : next;
      isOpen = false;
    }
  }
  return isOpen ? text : text + ending;
}
