/** A text in small letters, with its escapes decoded and without invisible characters. */
export interface PlainForm {
  readonly plain: string;
  /** Index in the text where the unit at `at` of the plain form begins. */
  startInText(at: number): number;
  /** Index in the text behind everything that the plain form shows before `at`. */
  endInText(at: number): number;
}

/** Characters that are dropped: control characters, accents, and all that has no width. */
const invisibleUnits = String.raw`[\p{Default_Ignorable_Code_Point}\p{M}\p{Cc}\p{Cf}\u2028\u2029]`;
/** For escapes, also half of a surrogate pair: the other half is an escape of its own. */
const invisibleWhereEscaped = new RegExp(`${invisibleUnits}|\\p{Cs}`, 'u');

const entities: Readonly<Record<string, string>> = Object.fromEntries(
  `! excl " quot # num $ dollar % percnt & amp ' apos ( lpar ) rpar * ast + plus , comma - hyphen - dash . period / sol
  : colon ; semi < lt = equals > gt ? quest @ commat [ lsqb [ lbrack \\ bsol ] rsqb ] rbrack ^ hat _ lowbar _ underbar
  \` grave { lcub { lbrace | verbar | vert } rcub } rbrace`
    .trim()
    .split(/\s+/)
    .flatMap((name, at, all) => (at % 2 === 0 ? [] : [[name, all[at - 1] ?? '']])),
);

// Every repetition is bounded: the text may come from any client or upstream.
const escapes = new RegExp(
  [
    String.raw`\\{1,4}[uU](?:\{0{0,6}([0-9a-fA-F]{1,6})\}|([0-9a-fA-F]{4}))`,
    String.raw`\\{1,4}[xX]([0-9a-fA-F]{2})`,
    '%(?:25){0,3}([2-7][0-9a-fA-F])',
    '&(?:[aA][mM][pP];){0,3}#[xX]0{0,6}([0-9a-fA-F]{1,6});',
    String.raw`&(?:[aA][mM][pP];){0,3}#0{0,6}(\d{1,7});`,
    `&(?:[aA][mM][pP];){0,3}(${Object.keys(entities).map(inAnyCase).join('|')});`,
    String.raw`\\{1,4}([!-/:-@\[-\x60{-~])`,
    String.raw`\\{1,4}[nrtNRT]`,
    String.raw`([\uff01-\uff5e\u{1d400}-\u{1d7ff}])`,
    `${invisibleUnits}+[ ]{0,80}`,
  ].join('|'),
  'gu',
);

/** Instead of the flag `i`, which with `u` makes an accent (U+0345) equal to a small iota. */
function inAnyCase(name: string): string {
  return [...name].map((letter) => `[${letter}${letter.toUpperCase()}]`).join('');
}

/** ASCII in which no escape can begin: ids, names, most words. It is tested in a tenth of the time of {@link escapes}. */
const withoutEscapes = /^[\x20-\x24\x27-\x5b\x5d-\x7e]*$/;

export function plainForm(text: string): PlainForm {
  if (withoutEscapes.test(text) || text.search(escapes) < 0)
    return { plain: inSmallLetters(text), startInText: same, endInText: same };
  let plain = '';
  // Where each run begins that is the same in both: its index in the plain form and in the text, in order.
  const runs: Run[] = [];
  let from = 0;
  for (const match of text.matchAll(escapes)) {
    const [whole, brace, u, x, percent, hex, decimal, entity, quoted, wide] = match;
    runs.push({ plain: plain.length, text: from });
    plain += text.slice(from, match.index);
    const digits = brace ?? u ?? x ?? percent ?? hex;
    const unit =
      digits !== undefined || decimal !== undefined
        ? characterOf(digits === undefined ? Number(decimal) : Number.parseInt(digits, 16))
        : (quoted ?? wide?.normalize('NFKC') ?? entities[entity?.toLowerCase() ?? ''] ?? '');
    if (unit !== '') {
      runs.push({ plain: plain.length, text: match.index });
      plain += unit;
    }
    from = match.index + whole.length;
  }
  runs.push({ plain: plain.length, text: from });
  plain += text.slice(from);
  const toText = mapToText(runs, plain.length, text.length);
  return { plain: inSmallLetters(plain), startInText: toText, endInText: toText };
}

function same(at: number): number {
  return at;
}

/** Characters between the groups in which base64 and hexadecimal are printed. */
const separators = /[\s:,;]+/g;

/** The same plain form without the separators of groups. */
export function withoutSpaces({ plain, startInText, endInText }: PlainForm): PlainForm {
  let compact = '';
  const runs: Run[] = [];
  for (const match of plain.matchAll(/[^\s:,;]+/g)) {
    runs.push({ plain: compact.length, text: match.index });
    compact += match[0];
  }
  const inPlain = mapToText(runs, compact.length, plain.length);
  return {
    plain: compact,
    startInText: (at) => startInText(inPlain(at)),
    // The separator before the next group does not belong to it.
    endInText: (at) => endInText(inPlain(at - 1) + 1),
  };
}

/** Only the text of {@link withoutSpaces}, many times faster. */
export function textWithoutSpaces(plain: string): string {
  return plain.replace(separators, '');
}

/** The character of a code; empty where it is invisible, or where there is none. */
function characterOf(code: number): string {
  const character = code > 0x10ffff ? '' : String.fromCodePoint(code);
  return invisibleWhereEscaped.test(character) ? '' : character;
}

interface Run {
  readonly plain: number;
  readonly text: number;
}

function mapToText(runs: readonly Run[], plainLength: number, textLength: number): (at: number) => number {
  return (at) => {
    if (at >= plainLength) return textLength;
    let [low, high] = [0, runs.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((runs[middle]?.plain ?? 0) <= at) low = middle + 1;
      else high = middle;
    }
    const run = runs[low - 1] ?? { plain: 0, text: 0 };
    return run.text + (at - run.plain);
  };
}

/** Keeps the length: a few capital letters of Unicode would become two small ones, and keys have none of these. */
function inSmallLetters(text: string): string {
  const small = text.toLowerCase();
  return small.length === text.length ? small : text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}
