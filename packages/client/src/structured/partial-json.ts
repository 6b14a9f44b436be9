/*
 * Reads a JSON text while it comes (RFC 8259). At any time there is a value: the part of the final value that is certain. It only grows:
 * objects get members, arrays get items, strings get characters. What could still become something else is not there yet: a number
 * or a literal until the character behind it, the name of a member until its value begins, half an escape sequence, half a surrogate
 * pair. It never throws. It uses no recursion, and its time is linear in the length of the text.
 */

export interface PartialJson {
  /** Reads the next part of the text. */
  push(text: string): void;
  /** Undefined until the value begins. Objects and arrays are the same ones each time, grown: copy what you keep. */
  readonly value: unknown;
  /** `open`: more can come. `whole`: the value is complete. `broken`: no JSON begins like this; the value is that of before the fault. */
  readonly state: 'open' | 'whole' | 'broken';
}

/** Where the reader stands. `first…`: an empty object or array may end here. */
type Place = 'value' | 'firstItem' | 'name' | 'firstName' | 'colon' | 'behind' | 'string' | 'end' | 'broken';

type Holder = Record<string, unknown> | unknown[];

/** No number that is meant is longer. */
const maxScalarLength = 1_100;

export function createPartialJson(): PartialJson {
  let root: unknown;
  /** The objects and arrays that are open, the innermost last, each with the name of its last member. */
  const open: { readonly holder: Holder; name: string }[] = [];
  let place: Place = 'value';
  let string = '';
  let isName = false;
  /** What cannot be read without what comes next: the beginning of a scalar or of an escape sequence. */
  let held = '';

  function put(value: unknown, isNew: boolean): void {
    const parent = open.at(-1);
    if (parent === undefined) root = value;
    else if (Array.isArray(parent.holder)) parent.holder[parent.holder.length - (isNew ? 0 : 1)] = value;
    // JSON.parse makes a member of this name too.
    else if (parent.name === '__proto__')
      Object.defineProperty(parent.holder, parent.name, {
        value,
        enumerable: true,
        configurable: true,
        writable: true,
      });
    else parent.holder[parent.name] = value;
  }

  function behindValue(): void {
    place = open.length === 0 ? 'end' : 'behind';
  }

  function openString(name: boolean): void {
    string = '';
    isName = name;
    place = 'string';
    if (!name) put('', true);
  }

  function openHolder(holder: Holder): void {
    put(holder, true);
    open.push({ holder, name: '' });
    place = Array.isArray(holder) ? 'firstItem' : 'firstName';
  }

  /** Reads from `at` and returns how far. */
  function readString(text: string, at: number): number {
    plain.lastIndex = at;
    plain.test(text);
    const end = plain.lastIndex;
    // The half is not joined and cut off again: that would copy the whole string.
    const isHalf = end === text.length && isHighSurrogate(text[end - 1]);
    string += text.slice(at, isHalf ? end - 1 : end);
    if (text[end] === '"') {
      const parent = open.at(-1);
      if (!isName) {
        put(string, false);
        behindValue();
      } else if (parent !== undefined) {
        parent.name = string;
        place = 'colon';
      }
      return end + 1;
    }
    if (end < text.length) return readEscape(text, end);
    if (isHalf) held = text.slice(end - 1);
    return end;
  }

  function readEscape(text: string, at: number): number {
    escapeSequence.lastIndex = at;
    const [sequence = ''] = escapeSequence.exec(text) ?? [];
    const rest = text.slice(at + sequence.length, at + sequence.length + 6);
    const isCut = /^\\(?:u[\da-f]{0,3})?$/i.test(rest);
    const unit: string = sequence === '' ? '' : JSON.parse(`"${sequence}"`);
    if (isHighSurrogate(unit) ? isCut || rest === '' : sequence === '' && isCut) {
      held = text.slice(at);
      return text.length;
    }
    if (sequence === '') return fail(at);
    string += unit;
    return at + sequence.length;
  }

  function readScalar(text: string, at: number): number {
    scalar.lastIndex = at;
    const [token = ''] = scalar.exec(text) ?? [];
    const end = at + token.length;
    if (token === '' || token.length > maxScalarLength) return fail(at);
    if (end === text.length) {
      held = token;
      return end;
    }
    try {
      put(JSON.parse(token), true);
      behindValue();
      return end;
    } catch {
      return fail(at);
    }
  }

  function fail(at: number): number {
    place = 'broken';
    return at;
  }

  /** Reads what begins at `at`, outside of strings. Returns how far. */
  function readOne(text: string, at: number): number {
    const character = text[at] as string;
    if (' \t\n\r'.includes(character)) return at + 1;
    const mayEnd = place === 'behind' || place === (character === ']' ? 'firstItem' : 'firstName');
    if (mayEnd && character === (Array.isArray(open.at(-1)?.holder) ? ']' : '}')) {
      open.pop();
      behindValue();
    } else if (place === 'behind' && character === ',')
      place = Array.isArray(open.at(-1)?.holder) ? 'value' : 'name';
    else if (place === 'colon' && character === ':') place = 'value';
    else if ((place === 'name' || place === 'firstName') && character === '"') openString(true);
    else if (place !== 'value' && place !== 'firstItem') return fail(at);
    else if (character === '"') openString(false);
    else if (character === '{') openHolder({});
    else if (character === '[') openHolder([]);
    else return readScalar(text, at);
    return at + 1;
  }

  return {
    push(piece) {
      const text = held + piece;
      held = '';
      for (let at = 0; at < text.length && place !== 'broken'; )
        at = place === 'string' ? readString(text, at) : readOne(text, at);
      if (place === 'string' && !isName) put(string, false);
    },
    get value() {
      return root;
    },
    get state() {
      return place === 'end' ? 'whole' : place === 'broken' ? 'broken' : 'open';
    },
  };
}

/** The first half of a pair. */
function isHighSurrogate(unit: string | undefined): boolean {
  return unit !== undefined && /^[\ud800-\udbff]$/.test(unit);
}

/** The characters of a string that stand for themselves. */
const plain = /[^"\\\u0000-\u001f]*/y;
const escapeSequence = /\\(?:["\\/bfnrt]|u[\da-f]{4})/iy;
const scalar = /[-+.\w]+/y;

/**
 * The value of a JSON text that is still coming, as far as it is certain ({@link createPartialJson}, which reads a text that grows
 * without starting again). A whole text has its whole value; a number that is the whole text is whole.
 */
export function parsePartialJson(text: string): unknown {
  const reader = createPartialJson();
  reader.push(text);
  // A number or a literal at the top ends with the text.
  if (reader.value === undefined) reader.push(' ');
  return reader.value;
}
