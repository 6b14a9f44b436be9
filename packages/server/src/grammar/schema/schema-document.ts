import { isObject, type JsonObject, type JsonValue } from '../../domain/json.ts';
import type { Budget } from '../rules/limits.ts';
import { createSchemaIdentity } from './schema-identity.ts';
import { checkKeywords, isList, isSchema, type Part, type PlainPart, type Problems } from './schema-part.ts';
import { itemPath, memberPath } from './schema-path.ts';

/** The whole schema, whose references point into itself. */
export interface SchemaDocument {
  /** Adds the schemas of `$ref` and `allOf` as parts of their own; `impossible` where one of them is `false`. */
  expand(parts: readonly Part[]): { readonly plain: readonly PlainPart[]; readonly impossible: boolean };
  /** Charges work outside `expand` to the budget of visits. */
  charge(visits: number): void;
  /** The same number for equal schemas; compiled rules are found again by it. */
  identity(schema: JsonObject): number;
}

/**
 * `budget` bounds the visits of schemas over all calls of `expand`: by references thirty schemas can stand for a
 * billion. A schema that needs more visits is refused with `invalid_value`.
 */
export function createSchemaDocument(root: Part, problems: Problems, budget: Budget): SchemaDocument {
  const identity = createSchemaIdentity();
  const checked = new Set<JsonObject>();

  function charge(visits: number): void {
    budget.visits -= visits;
    if (budget.visits < 0) {
      problems.refuse(
        'invalid_value',
        root.path,
        'The schema is too large: its alternatives and references lead to too many combinations.',
      );
    }
  }

  function resolve(part: PlainPart, reference: string): Part | undefined {
    const at = memberPath(part.path, '$ref');
    if (!reference.startsWith('#')) {
      problems.refuse(
        'unsupported_parameter',
        at,
        `Only references within the schema (“#/…”) are followed, not ${JSON.stringify(reference)}.`,
      );
      return undefined;
    }
    if (reference !== '#' && !reference.startsWith('#/')) {
      problems.refuse(
        'unsupported_parameter',
        at,
        `A reference must be a JSON pointer such as “#/$defs/name”, not ${JSON.stringify(reference)}.`,
      );
      return undefined;
    }
    const target = follow(root, reference.slice(1));
    if (target !== undefined && isSchema(target.schema)) return target;
    problems.refuse('invalid_value', at, `${JSON.stringify(reference)} points to no schema.`);
    return undefined;
  }

  function expand(parts: readonly Part[]): { plain: readonly PlainPart[]; impossible: boolean } {
    const plain = new Map<JsonObject, PlainPart>();
    const followed = new Set<JsonObject>();
    let impossible = false;

    function visit(part: Part, open: readonly JsonValue[]): void {
      const { schema, path } = part;
      if (schema === false) impossible = true;
      if (!isObject(schema)) return;
      const own: PlainPart = { ...part, schema, expanded: true };
      if (!checked.has(schema)) {
        checked.add(schema);
        checkKeywords(own, problems);
      }
      charge(1);
      if (problems.first !== undefined) return;
      const before = plain.get(schema);
      // A schema that is referred to twice must hold as a whole: only alternatives chosen for both count as chosen.
      const taken = (own.taken ?? []).filter((name) => before === undefined || before.taken?.includes(name));
      plain.set(schema, { ...own, taken });
      // Its references are parts already. To follow them again would make 2ⁿ visits of n schemas with two references.
      if (part.expanded === true || followed.has(schema)) return;
      followed.add(schema);
      const reference = schema['$ref'];
      if (typeof reference === 'string') {
        const target = resolve(own, reference);
        if (target !== undefined && (open.includes(target.schema) || target.schema === schema)) {
          problems.refuse(
            'invalid_value',
            memberPath(path, '$ref'),
            'This reference leads back to itself, so nothing can satisfy it.',
          );
        } else if (target !== undefined) visit(target, [...open, schema]);
      }
      const all = schema['allOf'];
      if (isList(all)) {
        const at = memberPath(path, 'allOf');
        all.forEach((member, index) => {
          if (open.includes(member)) return;
          visit({ schema: member, path: itemPath(at, index) }, [...open, schema]);
        });
      }
    }

    for (const part of parts) visit(part, []);
    return { plain: [...plain.values()], impossible };
  }

  return {
    expand,
    charge,
    identity,
  };
}

/** The value at a JSON pointer (RFC 6901, in a URI fragment); undefined where there is none. */
function follow(root: Part, pointer: string): Part | undefined {
  let { schema: value, path } = root;
  for (const token of pointer.split('/').slice(1)) {
    const name = decodeFragment(token)?.replaceAll('~1', '/').replaceAll('~0', '~');
    if (name === undefined) return undefined;
    let next: JsonValue | undefined;
    if (isList(value)) {
      next = /^(0|[1-9]\d{0,8})$/.test(name) ? value[Number(name)] : undefined;
      path = itemPath(path, Number(name));
    } else if (isObject(value)) {
      next = Object.hasOwn(value, name) ? value[name] : undefined;
      path = memberPath(path, name);
    }
    if (next === undefined) return undefined;
    value = next;
  }
  return { schema: value, path };
}

function decodeFragment(token: string): string | undefined {
  try {
    return decodeURIComponent(token);
  } catch {
    // A single % is not a valid escape: the pointer has no target.
    return undefined;
  }
}
