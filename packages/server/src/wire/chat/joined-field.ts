import { asciiJson, asciiOnly } from '@tailrace/protocol';
import { parseExactly, writeMember } from '../../domain/exact-json.ts';
import { isBlank, isObject, type JsonObject } from '../../domain/json.ts';
import { createTextPieces } from '../../domain/text-pieces.ts';

/**
 * The value of a field that came in pieces, on several deltas, for an answer that does not stream. The pieces are joined as the
 * accumulator of OpenAI's Python SDK joins them: lists and texts one after the other, objects member by member. There are two
 * differences. Of several numbers the last one stands (the SDK would add two `expires_at`). And pieces that do not belong
 * together (a text and a list, or objects with another `id`, `type` or `index`) become a list, so that nothing is lost.
 */
export interface JoinedField {
  /** Adds the JSON text of a piece. */
  add(json: string): void;
  /** The JSON text of the joined value, in ASCII. Called after at least one {@link add}. */
  toJson(): string;
}

/** Creates a field without a value. */
export function createJoinedField(): JoinedField {
  return joinedField(0);
}

/** Pieces that are joined to one value. */
interface Group {
  /** Returns false where the piece does not belong to the others. */
  add(json: string): boolean;
  toJson(): string;
}

function joinedField(depth: number): JoinedField {
  const groups: Group[] = [];
  return {
    add(json) {
      if (groups.at(-1)?.add(json) === true) return;
      const group = createGroup(json.charAt(0), depth);
      group.add(json);
      groups.push(group);
    },
    toJson() {
      const [first, ...more] = groups.map((group) => group.toJson());
      return first === undefined || more.length > 0 ? `[${[first, ...more].join(',')}]` : first;
    },
  };
}

/** Each level of an object is parsed separately, so the depth is bounded. A deeper object is a piece that is never joined. */
const maxDepth = 3;

/** Creates the group for a piece whose JSON begins with `sign`. */
function createGroup(sign: string, depth: number): Group {
  if (sign === '[') return enclosed('[', ']', ',');
  if (sign === '"') return enclosed('"', '"', '');
  if (sign !== '{') return lastValue();
  return depth < maxDepth ? objectGroup(depth) : singleValue();
}

/** Lists, and texts: their contents stand one after the other. */
function enclosed(open: string, close: string, separator: string): Group {
  const pieces = createTextPieces();
  return {
    add(json) {
      if (!json.startsWith(open)) return false;
      const content = json.slice(1, -1);
      if (content !== '') pieces.add(pieces.length === 0 ? content : separator + content);
      return true;
    },
    toJson: () => `${open}${pieces.join()}${close}`,
  };
}

/** Numbers, `true` and `false`: the last one stands. */
function lastValue(): Group {
  let last = '';
  return {
    add(json) {
      if ('"[{'.includes(json.charAt(0))) return false;
      last = json;
      return true;
    },
    toJson: () => last,
  };
}

/** One value, which may be repeated. */
function singleValue(): Group {
  let only: string | undefined;
  return {
    add(json) {
      only ??= json;
      return json === only;
    },
    toJson: () => only ?? 'null',
  };
}

/** Members by which pieces of one object differ from those of another. They are not joined. */
const identifying = new Set(['id', 'type', 'index']);

/** Objects. A single one stands as it came, and is parsed only when another follows. */
function objectGroup(depth: number): Group {
  let first: string | undefined;
  let joined: Group | undefined;
  let hasSeveral = false;

  return {
    add(json) {
      if (!json.startsWith('{')) return false;
      if (first === undefined) {
        first = json;
        return true;
      }
      joined ??= createJoinedObject(depth, first);
      if (!joined.add(json)) return false;
      hasSeveral = true;
      return true;
    },
    toJson: () => (hasSeveral ? joined?.toJson() : first) ?? '{}',
  };
}

function createJoinedObject(depth: number, first: string): Group {
  const members = new Map<string, JoinedField>();
  /** Members that carried nothing so far. */
  const blank = new Map<string, string>();
  const identity = new Map<string, string>();

  function addMember(piece: JsonObject, name: string): void {
    const json = asciiOnly(writeMember(piece, name));
    if (identifying.has(name) && !isBlank(piece[name])) {
      if (identity.has(name)) return;
      identity.set(name, json);
    }
    if (isBlank(piece[name])) {
      blank.set(name, json);
      return;
    }
    const field = members.get(name) ?? joinedField(depth + 1);
    field.add(json);
    members.set(name, field);
  }

  /** Returns false where the piece is another object, or has a name that no object of JavaScript can keep. */
  function add(json: string): boolean {
    const piece = parseExactly(json);
    if (!isObject(piece) || Object.hasOwn(piece, '__proto__')) return false;
    const names = Object.keys(piece);
    const isAnother = names.some((name) => {
      const known = identity.get(name);
      return known !== undefined && !isBlank(piece[name]) && known !== asciiOnly(writeMember(piece, name));
    });
    if (isAnother) return false;
    for (const name of names) addMember(piece, name);
    return true;
  }

  const isJoinable = add(first);

  return {
    add: (json) => isJoinable && add(json),
    toJson() {
      const written = Array.from(members, ([name, value]) => `${asciiJson(name)}:${value.toJson()}`);
      for (const [name, json] of blank) if (!members.has(name)) written.push(`${asciiJson(name)}:${json}`);
      return `{${written.join(',')}}`;
    },
  };
}
