/**
 * Finds the end of one JSON value in a text that comes in pieces, and whether the text can be JSON: brackets, names, colons and commas
 * are checked, the spelling of numbers and literals is not. Time is linear in the length of the text.
 */
export interface JsonScanner {
  /** Reads on. Returns how much of the text belongs to the value: less than all where the value ends in it. */
  push(text: string): number;
  readonly closed: boolean;
  /** No JSON begins like this. The end of the value is found all the same, by its brackets and quotes. */
  readonly broken: boolean;
  /** Nothing but the bracket that opens it has come. */
  readonly isEmpty: boolean;
  copy(): JsonScanner;
}

/** A bracket that is open, and those around it. A list that is shared, not copied: JSON can be as deep as its text is long. */
interface Bracket {
  readonly is: string;
  readonly outer: Bracket | undefined;
}

interface State {
  /** The innermost bracket. */
  open: Bracket | undefined;
  inString: boolean;
  escaped: boolean;
  /** The string that is open, or was the last one, is the name of a member. */
  isName: boolean;
  /** The last character outside of strings that is no white space; a quote behind a string. */
  last: string;
  /** The text of a value that is neither in quotes nor in brackets. */
  scalar: string;
  closed: boolean;
  broken: boolean;
}

const fresh: State = {
  open: undefined,
  inString: false,
  escaped: false,
  isName: false,
  last: '',
  scalar: '',
  closed: false,
  broken: false,
};

/** Creates a scanner. The first character of the value must not be white space. */
export function createJsonScanner(from: State = fresh): JsonScanner {
  const state = { ...from };

  function readString(text: string, from: number): number {
    for (let at = from; at < text.length; at += 1) {
      const character = text[at];
      if (state.escaped) state.escaped = false;
      else if (character === '\\') state.escaped = true;
      else if (character === '"') {
        state.inString = false;
        state.closed = state.open === undefined;
        return at + 1;
      }
    }
    return text.length;
  }

  /** Reads one character outside of strings. Returns false where it comes behind the value. */
  function readOne(character: string): boolean {
    // Behind a number at the top only such a character ends it.
    if (state.scalar !== '' && /[\s{["]/.test(character)) {
      state.closed = true;
      return false;
    }
    if (/\s/.test(character)) return true;
    state.broken ||= !fits(character, state);
    if (character === '"') {
      state.isName = state.open?.is === '{' && state.last !== ':';
      state.inString = true;
    } else if (character === '{' || character === '[') state.open = { is: character, outer: state.open };
    else if (character === '}' || character === ']') {
      state.open = state.open?.outer;
      state.closed = state.open === undefined;
    } else if (state.open === undefined) {
      state.scalar += character;
      state.closed = /^(?:null|true|false)$/.test(state.scalar);
    }
    state.last = character;
    return true;
  }

  return {
    push(text) {
      let at = 0;
      while (at < text.length && !state.closed) {
        if (state.inString) at = readString(text, at);
        else if (readOne(text[at] as string)) at += 1;
      }
      return at;
    },
    get closed() {
      return state.closed;
    },
    get broken() {
      return state.broken;
    },
    get isEmpty() {
      return /^[{[]?$/.test(state.last) && state.open?.outer === undefined;
    },
    copy: () => createJsonScanner(state),
  };
}

/** Whether a character outside of strings, no white space, can come next. */
function fits(character: string, { open, last, isName }: State): boolean {
  const inObject = open?.is === '{';
  const isComma = last === ',';
  const wantsName = inObject && (isComma || last === '{');
  const wantsValue = last === '' || last === ':' || last === '[' || (isComma && !inObject);
  const isBehindName = last === '"' && isName;
  const isBehindValue = !wantsName && !wantsValue && !isBehindName;
  switch (character) {
    case '"':
      return wantsName || wantsValue;
    case '{':
    case '[':
      return wantsValue;
    case ':':
      return isBehindName;
    case ',':
      return isBehindValue && open !== undefined;
    case '}':
      return inObject && (isBehindValue || last === '{');
    case ']':
      return open?.is === '[' && (isBehindValue || last === '[');
    default:
      return wantsValue || /[-+.\w]/.test(last);
  }
}
