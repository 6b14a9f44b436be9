/*
 * Reads a JSON text while it comes. What has come so far is a value at any time: objects and arrays that are still open have the
 * members that came, a string its characters, a number its digits. It takes the grammar of RFC 8259 and nothing else, so the place
 * where it stops is the place of the mistake. It uses no recursion: a text may be nested as deep as it likes.
 */

export type JsonNode = JsonObject | JsonArray | JsonString | JsonScalar;

export interface JsonObject {
  readonly kind: 'object';
  /** In their order in the text, a name that comes twice included. The value is undefined until it begins. */
  readonly members: JsonMember[];
  isOpen: boolean;
}

export interface JsonMember {
  name: string;
  value: JsonNode | undefined;
}

export interface JsonArray {
  readonly kind: 'array';
  readonly items: JsonNode[];
  isOpen: boolean;
}

export interface JsonString {
  readonly kind: 'string';
  text: string;
  isOpen: boolean;
}

export interface JsonScalar {
  readonly kind: 'number' | 'literal';
  /** As it is written: no digit of a number is lost. */
  text: string;
  isOpen: boolean;
}

/** The first character that cannot be. */
export interface JsonFault {
  readonly offset: number;
  readonly expected: string;
}

export interface JsonReader {
  /** Reads on. The nodes of before are the same objects, grown. */
  push(text: string): void;
  /** Undefined until a value begins. */
  value(): JsonNode | undefined;
  /** Once there is one, nothing behind it is read. */
  fault(): JsonFault | undefined;
  /** The value is complete; only white space may follow. */
  isWhole(): boolean;
  /** What would have to come at the end of what has come. */
  expected(): string;
}

const literals = ['true', 'false', 'null'];
const escapes: Readonly<Record<string, string>> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
};
/** Each text that a number can be while it comes. */
const numberBegun = /^-?(0|[1-9]\d*)?$|^-?(0|[1-9]\d*)(\.\d*)?$|^-?(0|[1-9]\d*)(\.\d+)?[eE]([+-]?\d*)$/;
const numberWhole = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/;
/** No number that is meant is longer; each digit is checked with those before it. */
const maxNumberLength = 1_100;

type Place = keyof typeof places;
const places = {
  value: 'a value',
  firstItem: 'a value or "]"',
  firstName: 'a name in quotes or "}"',
  name: 'a name in quotes',
  colon: '":"',
  afterMember: '"," or "}"',
  afterItem: '"," or "]"',
  end: 'the end of the text',
  string: 'the quote at the end of the string',
  scalar: 'the rest of the value',
};

export function createJsonReader(): JsonReader {
  let root: JsonNode | undefined;
  /** The objects and arrays that are open, the innermost last. */
  const open: (JsonObject | JsonArray)[] = [];
  let place: Place = 'value';
  /** The string that is being read: a value or a name. */
  let string: JsonString | undefined;
  let isName = false;
  /** What has come of an escape sequence, its backslash first. */
  let escaped = '';
  let scalar: JsonScalar | undefined;
  let offset = 0;
  let fault: JsonFault | undefined;

  function fail(expected: string): void {
    fault = { offset, expected };
  }

  function begin(node: JsonNode): void {
    const parent = open.at(-1);
    if (parent === undefined) root = node;
    else if (parent.kind === 'array') parent.items.push(node);
    else (parent.members.at(-1) as JsonMember).value = node;
  }

  function placeAfterValue(): Place {
    const parent = open.at(-1);
    return parent === undefined ? 'end' : parent.kind === 'object' ? 'afterMember' : 'afterItem';
  }

  function afterValue(): void {
    place = placeAfterValue();
  }

  function close(): void {
    const closed = open.pop();
    if (closed !== undefined) closed.isOpen = false;
    afterValue();
  }

  function beginValue(character: string): void {
    if (character === '{' || character === '[') {
      const node: JsonNode =
        character === '{'
          ? { kind: 'object', members: [], isOpen: true }
          : { kind: 'array', items: [], isOpen: true };
      begin(node);
      open.push(node);
      place = character === '{' ? 'firstName' : 'firstItem';
    } else if (character === '"') {
      string = { kind: 'string', text: '', isOpen: true };
      isName = false;
      begin(string);
      place = 'string';
    } else if (/[-\dtfn]/.test(character)) {
      scalar = { kind: /[-\d]/.test(character) ? 'number' : 'literal', text: character, isOpen: true };
      begin(scalar);
      place = 'scalar';
    } else fail(places[place]);
  }

  function beginName(): void {
    const owner = open.at(-1) as JsonObject;
    owner.members.push({ name: '', value: undefined });
    string = { kind: 'string', text: '', isOpen: true };
    isName = true;
    place = 'string';
  }

  function addToString(text: string): void {
    const growing = string as JsonString;
    growing.text += text;
    if (isName) ((open.at(-1) as JsonObject).members.at(-1) as JsonMember).name = growing.text;
  }

  function endString(): void {
    if (string !== undefined) string.isOpen = false;
    string = undefined;
    if (isName) place = 'colon';
    else afterValue();
  }

  function readEscape(character: string): void {
    escaped += character;
    if (escaped.length === 2 && character !== 'u') {
      const plain = escapes[character];
      if (plain === undefined || !Object.hasOwn(escapes, character)) fail('a known escape sequence');
      else addToString(plain);
      escaped = '';
    } else if (escaped.length > 2 && !/[\da-fA-F]/.test(character)) {
      fail('four hexadecimal digits');
    } else if (escaped.length === 6) {
      addToString(String.fromCharCode(Number.parseInt(escaped.slice(2), 16)));
      escaped = '';
    }
  }

  /** Reads the characters of a string up to one that means something; returns how many. */
  function readString(text: string, from: number): number {
    const first = text[from] as string;
    if (escaped !== '') {
      readEscape(first);
      return 1;
    }
    if (first === '"') {
      endString();
      return 1;
    }
    if (first === '\\') {
      escaped = first;
      return 1;
    }
    let to = from;
    while (to < text.length && isPlain(text.charCodeAt(to))) to += 1;
    if (to === from) fail('an escape sequence in the place of this control character');
    else addToString(text.slice(from, to));
    return Math.max(to - from, 1);
  }

  /** Reads one character of a number or a literal. False: the character comes behind it. */
  function readScalar(character: string): boolean {
    const growing = scalar as JsonScalar;
    if (/[\d+\-.\w]/.test(character)) {
      const grown = growing.text + character;
      const fits =
        growing.kind === 'literal'
          ? literals.some((literal) => literal.startsWith(grown))
          : grown.length < maxNumberLength && numberBegun.test(grown);
      if (fits) growing.text = grown;
      else fail(growing.kind === 'literal' ? 'true, false or null' : 'a number');
      return true;
    }
    if (isWholeScalar(growing)) {
      growing.isOpen = false;
      scalar = undefined;
      afterValue();
    } else fail('the rest of the value');
    return false;
  }

  function read(character: string): void {
    if (' \t\n\r'.includes(character)) return;
    switch (place) {
      case 'firstItem':
        if (character === ']') close();
        else beginValue(character);
        break;
      case 'value':
        beginValue(character);
        break;
      case 'firstName':
      case 'name':
        if (character === '"') beginName();
        else if (character === '}' && place === 'firstName') close();
        else fail(places[place]);
        break;
      case 'colon':
        if (character === ':') place = 'value';
        else fail(places[place]);
        break;
      case 'afterMember':
      case 'afterItem':
        if (character === (place === 'afterMember' ? '}' : ']')) close();
        else if (character === ',') place = place === 'afterMember' ? 'name' : 'value';
        else fail(places[place]);
        break;
      default:
        fail(places[place]);
    }
  }

  return {
    push(text) {
      for (let at = 0; at < text.length && fault === undefined; ) {
        if (place === 'string') {
          const length = readString(text, at);
          at += length;
          if (fault === undefined) offset += length;
        } else if (place === 'scalar' && !readScalar(text[at] as string)) {
          // The same character is read again, as what follows.
        } else {
          if (place !== 'scalar') read(text[at] as string);
          at += 1;
          if (fault === undefined) offset += 1;
        }
      }
    },
    value: () => root,
    fault: () => fault,
    isWhole: () =>
      fault === undefined &&
      root !== undefined &&
      open.length === 0 &&
      (place === 'end' || (scalar !== undefined && isWholeScalar(scalar))),
    expected: () => places[scalar !== undefined && isWholeScalar(scalar) ? placeAfterValue() : place],
  };
}

function isPlain(code: number): boolean {
  return code >= 0x20 && code !== 0x22 && code !== 0x5c;
}

function isWholeScalar({ kind, text }: JsonScalar): boolean {
  return kind === 'number' ? numberWhole.test(text) : literals.includes(text);
}

/** The whole of a text in one go. */
export function readJson(text: string): JsonReader {
  const reader = createJsonReader();
  reader.push(text);
  return reader;
}

/** What keeps a text from being JSON, for the person who writes it; undefined where nothing does. */
export function describeFault(text: string): string | undefined {
  const reader = readJson(text);
  if (reader.isWhole()) return undefined;
  const fault = reader.fault();
  if (fault === undefined) return `The JSON ends too early: ${reader.expected()} is missing.`;
  const before = text.slice(0, fault.offset).split('\n');
  const column = (before.at(-1)?.length ?? 0) + 1;
  return `No JSON at line ${before.length}, column ${column}: ${fault.expected} is expected.`;
}
