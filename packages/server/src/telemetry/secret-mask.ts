/** Puts a mask in the place of secrets. `cut`: the text went on behind its end, where a secret may begin. */
export type SecretMask = (text: string, cut?: boolean) => string;

/** Units that a secret is recognised by before it is compared. */
const headUnits = 4;
/** Of an encoding, so that no word is taken for a piece of one. */
const shortestEncoding = 8;

/**
 * Masks secrets that are known by value, in the writings that come back from servers: in either case, with escapes
 * of JSON, of URLs and of HTML, in base64 and hexadecimal, in wide letters, and split by line ends, accents or characters
 * without width. A server that wants to hand a secret on can always spell it in a way that is not among these.
 *
 * It is no regular expression: one of all secrets fails to compile with some long or many keys, and throws at the
 * first line. What it costs hardly grows with their number: 10,000 keys, some 10 µs a line of 300 characters.
 */
export function createSecretMask(secrets: Iterable<string>, mask: string): SecretMask {
  return createMaskByText(Array.from(secrets, (secret) => [secret, mask] as const));
}

/** The same for texts that have a mask each. */
export function createMaskByText(masks: Iterable<readonly [text: string, mask: string]>): SecretMask {
  const maskOf = new Map<string, string>();
  for (const [text, mask] of masks) {
    for (const pattern of writingsOf(text)) {
      if (pattern.length >= headUnits && !maskOf.has(pattern)) maskOf.set(pattern, mask);
    }
  }
  if (maskOf.size === 0) return (text) => text;
  const patterns = [...maskOf.keys()];
  const heads = new Uint8Array(0x10000);
  const byLength = new Map<number, Set<string>>();
  for (const pattern of patterns) {
    heads[headAt(pattern, 0)] = 1;
    const equals = byLength.get(pattern.length) ?? new Set();
    byLength.set(pattern.length, equals.add(pattern));
  }
  // The longest first: a key that begins with another one must go as a whole.
  const lengths = [...byLength].toSorted(([a], [b]) => b - a);
  let sorted: readonly string[] | undefined;
  const longest = lengths[0]?.[0] ?? 0;

  function lengthAt(text: string, at: number): number {
    for (const [length, equals] of lengths) {
      if (at + length <= text.length && equals.has(text.slice(at, at + length))) return length;
    }
    return 0;
  }

  /** A pattern that the rest of a text is the beginning of. */
  function begunBy(rest: string): string | undefined {
    sorted ??= patterns.toSorted();
    let [low, high] = [0, sorted.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((sorted[middle] ?? '') < rest) low = middle + 1;
      else high = middle;
    }
    const found = sorted[low];
    return found?.startsWith(rest) === true ? found : undefined;
  }

  return (text, cut = false) => {
    const { plain, place } = plainForm(text);
    let masked = '';
    let shown = 0;
    for (let at = 0; at + headUnits <= plain.length; at += 1) {
      if (heads[headAt(plain, at)] === 0) continue;
      const whole = lengthAt(plain, at);
      const mayBegin = whole === 0 && cut && plain.length - at < longest;
      const found = mayBegin ? begunBy(plain.slice(at)) : plain.slice(at, at + whole);
      if (found === undefined || found === '') continue;
      const end = mayBegin ? plain.length : at + whole;
      masked += text.slice(shown, place(at)) + maskOf.get(found);
      shown = place(end);
      at = end - 1;
    }
    return shown === 0 ? text : masked + text.slice(shown);
  };
}

function headAt(text: string, at: number): number {
  let hash = 0;
  for (let unit = at; unit < at + headUnits; unit += 1) hash = (hash * 31 + text.charCodeAt(unit)) & 0xffff;
  return hash;
}

/** A secret in its plain form, and inside base64 (at each of three alignments) and hexadecimal. */
function writingsOf(secret: string): readonly string[] {
  const { plain } = plainForm(secret);
  const bytes = Buffer.from(secret);
  const encoded = new Set([bytes.toString('hex')]);
  for (const alignment of [0, 1, 2]) {
    // The first and the last character share their bits with what stands before and behind.
    const first = Math.ceil((alignment * 4) / 3);
    const last = Math.floor(((alignment + bytes.length) * 4) / 3);
    const aligned = alignment === 0 ? bytes : Buffer.concat([Buffer.alloc(alignment), bytes]);
    const form = aligned.toString('base64').slice(first, last).toLowerCase();
    encoded.add(form).add(form.replaceAll('+', '-').replaceAll('/', '_'));
  }
  return [plain, ...[...encoded].filter(({ length }) => length >= shortestEncoding)];
}

/** What is dropped: control characters, with the indent behind a line end, and characters without width. */
const unseen =
  /[\u0300-\u036f\u0000-\u001f\u007f-\u009f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u2064\u2066-\u2069\ufeff]/;
/** How far the wide forms of ASCII (`ｓｋ－`) stand behind it. */
const wideFromAscii = 0xfee0;
// Every repetition is bounded: the text may come from any client or upstream.
const writing = new RegExp(
  [
    String.raw`\\{1,4}u([0-9a-f]{4})`,
    String.raw`\\{1,4}x([0-9a-f]{2})`,
    '%(?:25){0,3}([2-7][0-9a-f])',
    '&#x0{0,6}([2-7][0-9a-f]);',
    String.raw`&#0{0,6}(\d{2,3});`,
    String.raw`\\{1,4}([/"'])`,
    String.raw`\\{1,4}[nrt]`,
    '([\uff01-\uff5e])',
    `(?:${unseen.source})+[ ]{0,80}`,
  ].join('|'),
  'gi',
);

interface PlainForm {
  readonly plain: string;
  /** Where the unit at that place of the plain form begins in the text. */
  place(at: number): number;
}

/** A text in small letters without escapes and without what cannot be seen. */
function plainForm(text: string): PlainForm {
  if (text.search(writing) < 0) return { plain: inSmallLetters(text), place: (at) => at };
  let plain = '';
  // Where runs begin that stand in the text as in the plain form: pairs of places, in order.
  const runs: { readonly plain: number; readonly text: number }[] = [];
  let from = 0;
  for (const match of text.matchAll(writing)) {
    const [whole, u, x, percent, hex, decimal, quoted, wide] = match;
    runs.push({ plain: plain.length, text: from });
    plain += text.slice(from, match.index);
    const digits = u ?? x ?? percent ?? hex;
    const code =
      digits !== undefined
        ? Number.parseInt(digits, 16)
        : Number(decimal ?? (wide === undefined ? Number.NaN : wide.charCodeAt(0) - wideFromAscii));
    const unit = Number.isNaN(code) ? (quoted ?? '') : String.fromCharCode(code);
    if (unit !== '' && !unseen.test(unit)) {
      runs.push({ plain: plain.length, text: match.index });
      plain += unit;
    }
    from = match.index + whole.length;
  }
  runs.push({ plain: plain.length, text: from });
  plain += text.slice(from);
  return { plain: inSmallLetters(plain), place: (at) => placeIn(runs, at, plain.length, text.length) };
}

function placeIn(
  runs: readonly { readonly plain: number; readonly text: number }[],
  at: number,
  plainLength: number,
  textLength: number,
): number {
  if (at >= plainLength) return textLength;
  let [low, high] = [0, runs.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((runs[middle]?.plain ?? 0) <= at) low = middle + 1;
    else high = middle;
  }
  const run = runs[low - 1] ?? { plain: 0, text: 0 };
  return run.text + (at - run.plain);
}

/** Of the same length: a few capital letters of Unicode become two small ones, and keys have none of these. */
function inSmallLetters(text: string): string {
  const small = text.toLowerCase();
  return small.length === text.length ? small : text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}
