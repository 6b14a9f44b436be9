import { isObject, type JsonObject, type JsonValue } from '../domain/json.ts';
import { literals, namedSchemas, references } from './schema-keywords.ts';

/** A problem of a schema. `at`: the steps from the root to its place. */
export interface SchemaProblem {
  readonly at: readonly (string | number)[];
  /** Text that follows the path: `… is not a regular expression`. */
  readonly why: string;
}

/** Such a schema takes up to 0.1 s to compile; those of real applications have a hundredth of this length. */
const maxCharacters = 256 * 1024;
const maxNodes = 20_000;
const maxPatternLength = 4_096;

/**
 * Problems that are found without compiling the schema: its size, references to other documents, invalid patterns.
 * Linear in the schema's size. The reader of request bodies has limited its nesting.
 */
export function schemaProblem(schema: JsonValue): SchemaProblem | undefined {
  if (JSON.stringify(schema).length > maxCharacters) {
    return { at: [], why: `is longer than ${maxCharacters} characters` };
  }
  let nodes = 0;

  function inList(items: readonly JsonValue[], at: SchemaProblem['at']): SchemaProblem | undefined {
    for (const [index, item] of items.entries()) {
      const problem = visit(item, [...at, index]);
      if (problem !== undefined) return problem;
    }
    return undefined;
  }

  function inNamed(
    members: JsonObject,
    at: SchemaProblem['at'],
    patterns: boolean,
  ): SchemaProblem | undefined {
    for (const [name, member] of Object.entries(members)) {
      const wrong = patterns ? patternProblem(name) : nameProblem(name);
      if (wrong !== undefined) return { at: [...at, name], why: wrong };
      const problem = visit(member, [...at, name]);
      if (problem !== undefined) return problem;
    }
    return undefined;
  }

  function inKeyword(name: string, value: JsonValue, at: SchemaProblem['at']): SchemaProblem | undefined {
    if (literals.has(name)) return undefined;
    if (namedSchemas.has(name) && isObject(value)) return inNamed(value, at, name === 'patternProperties');
    if (typeof value !== 'string') return visit(value, at);
    const leadsOut = references.has(name) && !value.startsWith('#');
    if (leadsOut)
      return { at, why: 'leads out of the schema: only references that begin with # are followed' };
    const wrong = name === 'pattern' ? patternProblem(value) : undefined;
    return wrong === undefined ? undefined : { at, why: wrong };
  }

  function visit(value: JsonValue, at: SchemaProblem['at']): SchemaProblem | undefined {
    nodes += 1;
    if (nodes > maxNodes) return { at: [], why: `has more than ${maxNodes} parts` };
    if (Array.isArray(value)) return inList(value, at);
    if (!isObject(value)) return undefined;
    for (const [name, member] of Object.entries(value)) {
      const problem = inKeyword(name, member, [...at, name]);
      if (problem !== undefined) return problem;
    }
    return undefined;
  }

  return visit(schema, []);
}

/** A pattern with the `u` flag, or without it where it is invalid with it. Throws where both are invalid. */
export function compilePattern(pattern: string): RegExp {
  try {
    return new RegExp(pattern, 'u');
  } catch {
    return new RegExp(pattern);
  }
}

/** Ajv does not check a property of this name, so an answer could be called valid without a check. */
function nameProblem(name: string): string | undefined {
  return name === '__proto__' ? 'is a name that cannot be checked' : undefined;
}

function patternProblem(pattern: string): string | undefined {
  if (pattern.length > maxPatternLength) return `is a pattern of more than ${maxPatternLength} characters`;
  try {
    compilePattern(pattern);
    return undefined;
  } catch {
    return 'is not a regular expression';
  }
}

/** The path of a place in the schema: the path of the schema, then `.b`, `[0]` or `["b c"]` for each step. */
export function pathOf(root: string, at: SchemaProblem['at']): string {
  return at.reduce<string>((path, step) => {
    if (typeof step === 'number') return `${path}[${step}]`;
    if (/^[A-Za-z_$][\w$-]{0,99}$/.test(step)) return `${path}.${step}`;
    return `${path}[${JSON.stringify(step.length > 100 ? `${step.slice(0, 100)}…` : step)}]`;
  }, root);
}
