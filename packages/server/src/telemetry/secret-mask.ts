import { type PlainForm, plainForm, textWithoutSpaces, withoutSpaces } from './plain-form.ts';

/** Puts a mask in the place of secrets. `cut`: the text went on behind its end, where a secret may begin. */
export type SecretMask = (text: string, cut?: boolean) => string;

/** Units that a secret is recognised by before it is compared. */
const headUnits = 4;
/** Of an encoding, so that no word is taken for a piece of one. */
const shortestEncoding = 8;

/**
 * Masks secrets that are known by value, in the writings that come back from servers: in either case, with escapes
 * of JSON, of URLs and of HTML, in base64 and hexadecimal, in groups or not, in wide letters, and split by line ends,
 * accents or characters without width. A server that wants to hand a secret on can always spell it in a way that is not
 * among these.
 *
 * It is no regular expression: one of all secrets fails to compile with some long or many keys, and throws at the
 * first line. What it costs hardly grows with their number: 10,000 keys, some 17 µs a line of 300 characters.
 */
export function createSecretMask(secrets: Iterable<string>, mask: string): SecretMask {
  return createMaskByText(Array.from(secrets, (secret) => [secret, mask] as const));
}

/** The same for texts that have a mask each. */
export function createMaskByText(masks: Iterable<readonly [text: string, mask: string]>): SecretMask {
  const whole = new Map<string, string>();
  const encoded = new Map<string, string>();
  const add = (maskOf: Map<string, string>, pattern: string, mask: string) => {
    if (pattern.length >= headUnits && !maskOf.has(pattern)) maskOf.set(pattern, mask);
  };
  for (const [text, mask] of masks) {
    add(whole, plainForm(text).plain, mask);
    for (const pattern of encodingsOf(text)) add(encoded, pattern, mask);
  }
  if (whole.size === 0 && encoded.size === 0) return (text) => text;
  const anywhere = createFinder(new Map([...encoded, ...whole]));
  const grouped = createFinder(encoded);

  return (text, cut = false) => {
    const form = plainForm(text);
    const found = anywhere(form.plain, cut);
    const masked = replaced(text, form, found);
    // Most texts end here, with the form that there is.
    const rest = found.length === 0 ? form : plainForm(masked);
    if (grouped(textWithoutSpaces(rest.plain), cut).length === 0) return masked;
    const compact = withoutSpaces(rest);
    return replaced(masked, compact, grouped(compact.plain, cut));
  };
}

interface Found {
  readonly from: number;
  readonly to: number;
  readonly mask: string;
}

function replaced(text: string, form: PlainForm, found: readonly Found[]): string {
  let masked = '';
  let shown = 0;
  for (const { from, to, mask } of found) {
    masked += text.slice(shown, form.place(from)) + mask;
    shown = form.end(to);
  }
  return shown === 0 ? text : masked + text.slice(shown);
}

/** Finds patterns in a plain form, in its order, none within another. */
function createFinder(
  maskOf: ReadonlyMap<string, string>,
): (plain: string, cut: boolean) => readonly Found[] {
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

  return (plain, cut) => {
    const all: Found[] = [];
    for (let at = 0; at + headUnits <= plain.length; at += 1) {
      if (heads[headAt(plain, at)] === 0) continue;
      const whole = lengthAt(plain, at);
      const mayBegin = whole === 0 && cut && plain.length - at < longest;
      const found = mayBegin ? begunBy(plain.slice(at)) : plain.slice(at, at + whole);
      if (found === undefined || found === '') continue;
      const to = mayBegin ? plain.length : at + whole;
      all.push({ from: at, to, mask: maskOf.get(found) ?? '' });
      at = to - 1;
    }
    return all;
  };
}

function headAt(text: string, at: number): number {
  let hash = 0;
  for (let unit = at; unit < at + headUnits; unit += 1) hash = (hash * 31 + text.charCodeAt(unit)) & 0xffff;
  return hash;
}

/** A secret inside base64 (at each of three alignments) and hexadecimal. */
function encodingsOf(secret: string): readonly string[] {
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
  return [...encoded].filter(({ length }) => length >= shortestEncoding);
}
