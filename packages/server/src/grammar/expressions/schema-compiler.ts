import type { JsonValue } from '../../domain/json.ts';
import { choice, type Expression, never, text } from '../rules/expression.ts';
import type { Budget, GrammarLimits } from '../rules/limits.ts';
import type { RuleSet } from '../rules/rule-set.ts';
import { type JsonType, keyword } from '../schema/keywords.ts';
import { createSatisfies } from '../schema/satisfies.ts';
import type { SchemaDocument } from '../schema/schema-document.ts';
import { isInert, isList, type Part, type PlainPart, type Problems } from '../schema/schema-part.ts';
import { itemPath, memberPath } from '../schema/schema-path.ts';
import { finiteValues, typesOf } from '../schema/schema-types.ts';
import { arrayExpression } from './array-expression.ts';
import type { Compiler } from './compiler.ts';
import { exclusiveBranches } from './exclusive-branches.ts';
import { anyNumber } from './json-numbers.ts';
import { anyString } from './json-strings.ts';
import { numberExpression } from './number-expression.ts';
import { objectExpression } from './object-expression.ts';
import { anyArray, anyObject, anyValue, constant } from './shared-rules.ts';
import { stringExpression } from './string-expression.ts';

export function createCompiler(
  rules: RuleSet,
  problems: Problems,
  document: SchemaDocument,
  limits: GrammarLimits,
  work: Budget,
): Compiler {
  const known = new Map<string, Expression>();
  const satisfies = createSatisfies(document, problems);
  const compiler: Compiler = { rules, problems, document, limits, work, value, satisfies };

  function value(parts: readonly Part[]): Expression {
    if (problems.first !== undefined) return never;
    const { plain, impossible } = document.expand(parts);
    const path = parts[0]?.path ?? '';
    if (impossible) return rules.define(never, path);
    const asserting = plain.filter((part) => !isInert(part));
    if (asserting.length === 0) return anyValue(rules);
    const key = asserting
      .map(
        (part) => `${document.identity(part.schema)}${(part.taken ?? []).map((name) => `-${name}`).join('')}`,
      )
      .sort()
      .join(' ');
    const before = known.get(key);
    if (before !== undefined) return before;
    if (rules.rules.length > limits.maxRules) {
      problems.refuse(
        'invalid_value',
        path,
        `The schema is too large: its grammar has more than ${limits.maxRules} rules.`,
      );
      return never;
    }
    const rule = rules.declare(asserting[0]?.path ?? path);
    const reference: Expression = { kind: 'rule', id: rule.id };
    known.set(key, reference);
    rule.body = body(asserting);
    return reference;
  }

  function body(parts: readonly PlainPart[]): Expression {
    const fixed = finiteValues(parts);
    if (fixed !== undefined) return constants(fixed.values, parts);
    for (const name of ['anyOf', 'oneOf']) {
      const index = parts.findIndex(
        ({ schema, taken }) => schema[name] !== undefined && taken?.includes(name) !== true,
      );
      const part = parts[index];
      if (part !== undefined) return alternatives(name, part, parts);
    }
    const types = typesOf(parts, problems);
    return choice(...types.map((type) => ofType(type, parts)));
  }

  function alternatives(name: string, part: PlainPart, parts: readonly PlainPart[]): Expression {
    const at = memberPath(part.path, name);
    const list = part.schema[name];
    const branches = (isList(list) ? list : []).map(
      (schema, index): Part => ({ schema, path: itemPath(at, index) }),
    );
    const marked: PlainPart = { ...part, taken: [...(part.taken ?? []), name] };
    const others = parts.map((other) => (other === part ? marked : other));
    const kept =
      name === 'oneOf'
        ? exclusiveBranches(compiler, branches, others, at)
        : branches.map((branch) => [branch]);
    return choice(...kept.map((branch) => value([...branch, ...others])));
  }

  function constants(values: readonly JsonValue[], parts: readonly PlainPart[]): Expression {
    const valid = values.filter((candidate) => satisfies(candidate, parts));
    const unique = [...new Map(valid.map((candidate) => [JSON.stringify(candidate), candidate])).values()];
    return constant(rules, unique, work);
  }

  function ofType(type: JsonType, parts: readonly PlainPart[]): Expression {
    const own = parts.some(({ schema }) =>
      Object.keys(schema).some((name) => isAbout(name, type) || name === 'format'),
    );
    switch (type) {
      case 'null':
        return text('null');
      case 'boolean':
        return choice(text('true'), text('false'));
      case 'string':
        return own ? stringExpression(compiler, parts) : anyString(rules);
      case 'number':
        return own ? numberExpression(compiler, parts, false) : anyNumber(rules);
      case 'integer':
        return numberExpression(compiler, parts, true);
      case 'array':
        return own ? arrayExpression(compiler, parts) : anyArray(rules);
      case 'object':
        return own ? objectExpression(compiler, parts) : anyObject(rules);
    }
  }

  return compiler;
}

function isAbout(name: string, type: JsonType): boolean {
  const own = keyword(name).type;
  return own === type || (own === 'number' && type === 'integer');
}
