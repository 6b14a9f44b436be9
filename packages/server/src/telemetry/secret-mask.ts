import { type PlainForm, plainForm, textWithoutSpaces, withoutSpaces } from './plain-form.ts';

/** Puts a mask in the place of secrets. `cut`: the text was cut at its end, so a secret may begin there. */
export type SecretMask = (text: string, cut?: boolean) => string;

/** UTF-16 units whose hash selects the places where patterns are compared. */
const headUnits = 4;
const hashFactor = 31;
const factorOfLeft = (hashFactor ** headUnits) & 0xffff;
/** Shorter encodings of a secret are not masked: they could be ordinary words. */
const shortestEncoding = 8;

/**
 * Masks secrets that are known by value, in the encodings in which servers send them back: in small or capital letters,
 * with escapes of JSON, of URLs and of HTML, in base64 and hexadecimal, in groups or not, in wide letters, and split by line
 * ends, accents or characters without width. A server that wants to leak a secret can always find another encoding.
 *
 * Not a regular expression: one of all secrets fails to compile where keys are long or many, and so throws at the first
 * line. The cost hardly grows with the number of keys: with 10,000 some 17 µs for a line of 300 characters.
 */
export function createSecretMask(secrets: Iterable<string>, mask: string): SecretMask {
  return createMaskByText(Array.from(secrets, (secret) => [secret, mask] as const));
}

/** The same for texts that each have a mask of their own. */
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
    // In most texts nothing was found, and their plain form is used again.
    const rest = found.length === 0 ? form : plainForm(masked);
    const ungrouped = textWithoutSpaces(rest.plain);
    // The same text again: the patterns of `grouped` are among those of `anywhere`, which has found none of them.
    if (found.length === 0 && ungrouped === form.plain) return text;
    if (grouped(ungrouped, cut).length === 0) return masked;
    const compact = withoutSpaces(rest);
    return replaced(masked, compact, grouped(compact.plain, cut));
  };
}

interface Match {
  readonly from: number;
  readonly to: number;
  readonly mask: string;
}

function replaced(text: string, form: PlainForm, found: readonly Match[]): string {
  let masked = '';
  let shown = 0;
  for (const { from, to, mask } of found) {
    masked += text.slice(shown, form.startInText(from)) + mask;
    shown = form.endInText(to);
  }
  return shown === 0 ? text : masked + text.slice(shown);
}

/** Finds patterns in a plain form, in its order; matches do not overlap. */
function createFinder(
  maskOf: ReadonlyMap<string, string>,
): (plain: string, cut: boolean) => readonly Match[] {
  const patterns = [...maskOf.keys()];
  const heads = new Uint8Array(0x10000);
  const byLength = new Map<number, Set<string>>();
  for (const pattern of patterns) {
    heads[headOf(pattern)] = 1;
    const equals = byLength.get(pattern.length) ?? new Set();
    byLength.set(pattern.length, equals.add(pattern));
  }
  // The longest first: a key that begins with another key must be masked whole.
  const lengths = [...byLength].toSorted(([a], [b]) => b - a);
  let sorted: readonly string[] | undefined;
  const longest = lengths[0]?.[0] ?? 0;

  function lengthAt(text: string, at: number): number {
    for (const [length, equals] of lengths) {
      if (at + length <= text.length && equals.has(text.slice(at, at + length))) return length;
    }
    return 0;
  }

  /** A pattern that begins with `rest`. */
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
    const all: Match[] = [];
    let head = 0;
    let after = 0;
    for (let end = 0; end < plain.length; end += 1) {
      head = nextHead(head, plain, end);
      const at = end + 1 - headUnits;
      if (at < after || heads[head] === 0) continue;
      const whole = lengthAt(plain, at);
      const mayBegin = whole === 0 && cut && plain.length - at < longest;
      const found = mayBegin ? begunBy(plain.slice(at)) : plain.slice(at, at + whole);
      if (found === undefined || found === '') continue;
      after = mayBegin ? plain.length : at + whole;
      all.push({ from: at, to: after, mask: maskOf.get(found) ?? '' });
    }
    return all;
  };
}

function headOf(pattern: string): number {
  let head = 0;
  for (let at = 0; at < headUnits; at += 1) head = nextHead(head, pattern, at);
  return head;
}

/** The hash of the {@link headUnits} units up to `at`, from that of those before: the unit that is left behind is taken out. */
function nextHead(head: number, text: string, at: number): number {
  const left = at < headUnits ? 0 : text.charCodeAt(at - headUnits);
  return (head * hashFactor + text.charCodeAt(at) - left * factorOfLeft) & 0xffff;
}

/** A secret inside base64 (at each of three alignments) and hexadecimal. */
function encodingsOf(secret: string): readonly string[] {
  const bytes = Buffer.from(secret);
  const encoded = new Set([bytes.toString('hex')]);
  for (const alignment of [0, 1, 2]) {
    // The first and the last character also hold bits of the bytes before and after the secret.
    const first = Math.ceil((alignment * 4) / 3);
    const last = Math.floor(((alignment + bytes.length) * 4) / 3);
    const aligned = alignment === 0 ? bytes : Buffer.concat([Buffer.alloc(alignment), bytes]);
    const form = aligned.toString('base64').slice(first, last).toLowerCase();
    encoded.add(form).add(form.replaceAll('+', '-').replaceAll('/', '_'));
  }
  return [...encoded].filter(({ length }) => length >= shortestEncoding);
}
