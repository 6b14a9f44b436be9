/** A text in small letters, without escapes and without what cannot be seen. */
export interface PlainForm {
  readonly plain: string;
  /** Where the unit at that place of the plain form begins in the text. */
  place(at: number): number;
  /** Where the part of the text ends that the plain form has before that place. */
  end(at: number): number;
}

/** What is dropped: control characters, accents, and all that has no width. */
const unseenUnits = String.raw`[\p{Default_Ignorable_Code_Point}\p{M}\p{Cc}\p{Cf}\u2028\u2029]`;
/** Of an escape, half a character counts too: its other half is an escape of its own. */
const unseenEscaped = new RegExp(`${unseenUnits}|\\p{Cs}`, 'u');

const entities: Readonly<Record<string, string>> = Object.fromEntries(
  `! excl " quot # num $ dollar % percnt & amp ' apos ( lpar ) rpar * ast + plus , comma - hyphen - dash . period / sol
  : colon ; semi < lt = equals > gt ? quest @ commat [ lsqb [ lbrack \\ bsol ] rsqb ] rbrack ^ hat _ lowbar _ underbar
  \` grave { lcub { lbrace | verbar | vert } rcub } rbrace`
    .trim()
    .split(/\s+/)
    .flatMap((name, at, all) => (at % 2 === 0 ? [] : [[name, all[at - 1] ?? '']])),
);

// Every repetition is bounded: the text may come from any client or upstream.
const writing = new RegExp(
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
    `${unseenUnits}+[ ]{0,80}`,
  ].join('|'),
  'gu',
);

/** No flag: it would make a small iota of an accent. */
function inAnyCase(name: string): string {
  return [...name].map((letter) => `[${letter}${letter.toUpperCase()}]`).join('');
}

export function plainForm(text: string): PlainForm {
  if (text.search(writing) < 0) return { plain: inSmallLetters(text), place: same, end: same };
  let plain = '';
  // Where runs begin that stand in the text as in the plain form: pairs of places, in order.
  const runs: Run[] = [];
  let from = 0;
  for (const match of text.matchAll(writing)) {
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
  const place = placesOf(runs, plain.length, text.length);
  return { plain: inSmallLetters(plain), place, end: place };
}

function same(at: number): number {
  return at;
}

/** What separates the groups in which base64 and hexadecimal are printed. */
const separators = /[\s:,;]+/g;

/** The same without what separates groups. */
export function withoutSpaces({ plain, place, end }: PlainForm): PlainForm {
  let compact = '';
  const runs: Run[] = [];
  for (const match of plain.matchAll(/[^\s:,;]+/g)) {
    runs.push({ plain: compact.length, text: match.index });
    compact += match[0];
  }
  const inPlain = placesOf(runs, compact.length, plain.length);
  return {
    plain: compact,
    place: (at) => place(inPlain(at)),
    // Of what separates it from the next group nothing.
    end: (at) => end(inPlain(at - 1) + 1),
  };
}

/** The text of it alone, many times faster. */
export function textWithoutSpaces(plain: string): string {
  return plain.replace(separators, '');
}

/** A character that is seen; empty for any other, and for what is none. */
function characterOf(code: number): string {
  const character = code > 0x10ffff ? '' : String.fromCodePoint(code);
  return unseenEscaped.test(character) ? '' : character;
}

interface Run {
  readonly plain: number;
  readonly text: number;
}

function placesOf(runs: readonly Run[], plainLength: number, textLength: number): (at: number) => number {
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

/** Of the same length: a few capital letters of Unicode become two small ones, and keys have none of these. */
function inSmallLetters(text: string): string {
  const small = text.toLowerCase();
  return small.length === text.length ? small : text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}
