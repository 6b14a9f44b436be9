import { type ErrorCode, isAlias, isMap, isScalar, isSeq, LineCounter, type Node, type Pair } from 'yaml';
import { type ConfigPath, isSecret, showText } from './config-problem.ts';
import type { Environment } from './environment.ts';
import { interpolate } from './interpolate.ts';
import { type ParsedYaml, parseYaml } from './parse-yaml.ts';

export interface Position {
  /** Counted from 1. */
  readonly line: number;
  readonly column: number;
}

export interface YamlProblem {
  readonly path: ConfigPath;
  readonly position: Position | undefined;
  readonly message: string;
}

/** A YAML file as plain data, with the position of every key and value in the file. */
export interface YamlDocument {
  /** Mappings, lists, strings, numbers and booleans. A key without a value is left out. */
  readonly value: unknown;
  /** The position of the value at that path, or of the nearest one around it. */
  valueAt(path: ConfigPath): Position | undefined;
  /** The position of the key at that path; of the value where the path ends in a list position. */
  keyAt(path: ConfigPath): Position | undefined;
  /** The environment variables that the value at that path refers to. */
  variablesAt(path: ConfigPath): readonly string[];
  /** Those of them whose value was used; for the others the default was. */
  filledByAt(path: ConfigPath): readonly string[];
  /** Every environment variable whose value was used in the file. */
  filledBy(): readonly string[];
}

// A configuration has hundreds of nodes. The bounds refuse aliases that multiply, and nesting that overflows the stack.
const maxNodes = 50_000;
const maxAliases = 200;
const maxDepth = 32;

interface Place {
  key?: Position | undefined;
  value?: Position | undefined;
  variables?: readonly string[];
  filledBy?: readonly string[];
}

/**
 * Parses one YAML 1.2 document of the core schema (`no` and `on` are texts) and replaces its references to the
 * environment. Throws for no text; after a syntax error `document` is undefined. Where `keepsSpelling` of a path, a number that
 * JavaScript would write in another way is its text: `0.10`, or one with more digits than a JavaScript number has.
 */
export function readYaml(
  text: string,
  env: Environment,
  keepsSpelling: (path: ConfigPath) => boolean = () => false,
): { readonly document: YamlDocument | undefined; readonly problems: readonly YamlProblem[] } {
  const lines = new LineCounter();
  const positionOf = (offset: number): Position => {
    const { line, col } = lines.linePos(offset);
    return { line, column: col };
  };
  let parsed: ParsedYaml;
  try {
    parsed = parseYaml(text, survivable, lines.addNewLine);
  } catch (thrown) {
    // The parser is recursive: with a small stack it overflows before its own bound on nesting applies.
    if (!(thrown instanceof RangeError)) throw thrown;
    return { document: undefined, problems: [{ path: [], position: undefined, message: tooDeep }] };
  }
  const complaints = parsed.complaints.map(({ code, offset }) => ({
    code,
    path: [],
    position: positionOf(offset),
    message: ownMessage(code, lineAround(text, offset)),
  }));
  // After one missing bracket the parser complains of everything that follows: only the first complaint helps.
  const broken = complaints.find(({ code }) => !survivable.has(code));
  if (broken !== undefined) return { document: undefined, problems: [broken] };
  if (parsed.document === undefined) return { document: undefined, problems: complaints };

  const reader = new Reader(positionOf, env, keepsSpelling);
  const value = reader.read(parsed.document.contents, []);
  return { document: reader.document(value), problems: [...complaints, ...reader.problems] };
}

const duplicateKey = 'this key is here twice in the same mapping';
const tooDeep = `nested deeper than ${maxDepth} levels`;

class Reader {
  readonly problems: YamlProblem[] = [];
  readonly #places = new Map<string, Place>();
  /** By name, the last node with that anchor so far: an alias refers to the nearest anchor before it. */
  readonly #anchors = new Map<string, Node>();
  readonly #reportedOnce = new Set<string>();
  readonly #positionOf: (offset: number) => Position;
  readonly #env: Environment;
  readonly #keepsSpelling: (path: ConfigPath) => boolean;
  #nodes = 0;
  #aliases = 0;
  #insideAlias = false;

  constructor(
    positionOf: (offset: number) => Position,
    env: Environment,
    keepsSpelling: (path: ConfigPath) => boolean,
  ) {
    this.#positionOf = positionOf;
    this.#env = env;
    this.#keepsSpelling = keepsSpelling;
  }

  read(node: Node | null | undefined, path: ConfigPath): unknown {
    if (node === null || node === undefined) return undefined;
    const place = this.#place(path);
    // The position of an aliased value is that of its alias, for that is what is written here.
    place.value ??= this.#position(node);
    if (++this.#nodes > maxNodes) return this.#once(path, `more than ${maxNodes} values`);
    if (path.length > maxDepth) return this.#once(path, tooDeep);
    if (isAlias(node)) {
      if (++this.#aliases > maxAliases) return this.#once(path, `more than ${maxAliases} aliases`);
      const target = this.#anchors.get(node.source);
      if (target === undefined) return this.#problem(path, noAnchor(node.source, path));
      const around = this.#insideAlias;
      this.#insideAlias = true;
      const value = this.read(target, path);
      this.#insideAlias = around;
      return value;
    }
    this.#anchor(node);
    if (isMap<Node, Node | null>(node)) return this.#readMap(node.items, path);
    if (isSeq<Node>(node)) return node.items.map((item, index) => this.read(item, [...path, index]));
    if (isScalar(node)) {
      const { value, source } = node;
      const isRespelled = typeof value === 'number' && source !== undefined && source !== String(value);
      if (isRespelled && this.#keepsSpelling(path)) return source;
      return this.#readScalar(value, path, place);
    }
    return this.#problem(path, 'expected a mapping, a list or a plain value');
  }

  document(value: unknown): YamlDocument {
    const find = (path: ConfigPath): Place => this.#places.get(keyOf(path)) ?? {};
    const around = (path: ConfigPath, pick: (place: Place) => Position | undefined): Position | undefined => {
      for (let length = path.length; length >= 0; length--) {
        const position = pick(find(path.slice(0, length)));
        if (position !== undefined) return position;
      }
      return undefined;
    };
    return {
      value,
      valueAt: (path) => around(path, (place) => place.value ?? place.key),
      keyAt: (path) => around(path, (place) => place.key ?? place.value),
      variablesAt: (path) => find(path).variables ?? [],
      filledByAt: (path) => find(path).filledBy ?? [],
      filledBy: () => [...this.#places.values()].flatMap(({ filledBy = [] }) => filledBy),
    };
  }

  #readMap(items: readonly Pair<Node, Node | null>[], path: ConfigPath): Record<string, unknown> {
    const result: Record<string, unknown> = {};
    const seen = new Set<string>();
    for (const { key, value } of items) {
      if (!isScalar(key)) continue; // the parser has reported it
      const name = String(key.value ?? '');
      const inside = [...path, name];
      this.#anchor(key);
      if (seen.has(name)) this.#duplicate(key);
      seen.add(name);
      this.#place(inside).key ??= this.#position(key);
      // An assignment to this key would replace the prototype of the object.
      if (name === '__proto__') this.#problem(inside, 'this name is not available');
      else {
        const content = this.read(value, inside);
        if (content !== undefined && content !== null) result[name] = content;
      }
    }
    return result;
  }

  #readScalar(value: unknown, path: ConfigPath, place: Place): unknown {
    if (value === null || typeof value === 'number' || typeof value === 'boolean') return value;
    if (typeof value !== 'string') return this.#problem(path, 'expected a plain value');
    const filled = interpolate(value, this.#env);
    place.variables = filled.names;
    place.filledBy = filled.filledBy;
    for (const message of filled.problems) this.#problem(path, message);
    return filled.problems.length > 0 ? undefined : filled.text;
  }

  #place(path: ConfigPath): Place {
    const key = keyOf(path);
    const known = this.#places.get(key);
    if (known !== undefined) return known;
    const place: Place = {};
    this.#places.set(key, place);
    return place;
  }

  #position(node: Node): Position | undefined {
    return node.range ? this.#positionOf(node.range[0]) : undefined;
  }

  #problem(path: ConfigPath, message: string): undefined {
    const place = this.#place(path);
    this.problems.push({ path, position: place.value ?? place.key, message });
  }

  #once(path: ConfigPath, message: string): undefined {
    if (!this.#reportedOnce.has(message)) this.#problem(path, message);
    this.#reportedOnce.add(message);
  }

  #anchor(node: Node): void {
    if (!this.#insideAlias && node.anchor !== undefined) this.#anchors.set(node.anchor, node);
  }

  #duplicate(key: Node): void {
    if (this.#insideAlias) return;
    this.problems.push({ path: [], position: this.#position(key), message: duplicateKey });
  }
}

function keyOf(path: ConfigPath): string {
  return JSON.stringify(path);
}

function lineAround(text: string, offset: number): string {
  const end = text.indexOf('\n', offset);
  return text.slice(text.lastIndexOf('\n', offset - 1) + 1, end === -1 ? text.length : end);
}

// Complaints that do not change the meaning of the rest of the document.
const survivable = new Set<ErrorCode>(['NON_STRING_KEY', 'TAG_RESOLVE_FAILED']);

// Messages of our own: the library's can quote the source, and the source can contain a key.
const messages: Partial<Record<ErrorCode, string>> = {
  BAD_DQ_ESCAPE: 'unknown escape in a double-quoted text; in single quotes a backslash is a plain character',
  BAD_INDENT: 'the indentation does not fit, or a bracket is not closed',
  BAD_SCALAR_START: 'a plain text cannot start with this character; quote it',
  BLOCK_AS_IMPLICIT_KEY: 'a second ": " on the line; quote the text that holds it',
  BLOCK_IN_FLOW: 'inside brackets only the bracketed form is allowed',
  MISSING_CHAR: 'a closing bracket, quote or comma is missing',
  MULTILINE_IMPLICIT_KEY: 'a key must stand on one line, followed by ": "',
  MULTIPLE_ANCHORS: 'more than one anchor on one value',
  MULTIPLE_DOCS: 'a second YAML document begins here; a configuration is one document',
  MULTIPLE_TAGS: 'more than one tag on one value',
  NON_STRING_KEY: 'a key must be a plain text',
  RESOURCE_EXHAUSTION: tooDeep,
  TAB_AS_INDENT: 'a tab in the indentation; YAML takes spaces only',
  TAG_RESOLVE_FAILED: 'a YAML tag (!name) that means nothing here; quote the text if it starts with "!"',
  UNEXPECTED_TOKEN: 'this does not belong here',
};

function ownMessage(code: ErrorCode, line: string): string {
  const hint =
    code === 'UNEXPECTED_TOKEN' && /(?<!["'$])\$\{/.test(line)
      ? `; inside {…} and […] a reference needs quotes: "\${NAME}"`
      : '';
  return `${survivable.has(code) ? '' : 'not valid YAML: '}${messages[code] ?? 'this cannot be read'}${hint}`;
}

/** A secret that begins with `*` and is not quoted is an alias for YAML. */
function noAnchor(name: string, path: ConfigPath): string {
  return isSecret(path)
    ? 'an alias (*name) of an anchor that is not before it; quote the text if it starts with "*"'
    : `there is no anchor &${showText(name)} before this alias`;
}
