import { isObject, type JsonValue } from '../../domain/json.ts';
import { textsAutomaton } from '../automata/automaton.ts';
import { determinise, type Work } from '../automata/determinise.ts';
import { choice, type Expression, empty, optional, sequence, text } from '../rules/expression.ts';
import type { RuleSet } from '../rules/rule-set.ts';
import { isList } from '../schema/schema-part.ts';
import { anyNumber } from './json-numbers.ts';
import { anyString, literal, stringOfTable } from './json-strings.ts';

/**
 * A comma, with an optional space, which many models write. With more white space a model could write nothing else
 * until its token limit.
 */
export function comma(rules: RuleSet): Expression {
  return rules.shared('comma', () => sequence(text(','), optional(text(' '))));
}

export function colon(rules: RuleSet): Expression {
  return rules.shared('colon', () => sequence(text(':'), optional(text(' '))));
}

/** Any JSON value. */
export function anyValue(rules: RuleSet): Expression {
  return rules.shared('value', () =>
    choice(
      anyObject(rules),
      anyArray(rules),
      anyString(rules),
      anyNumber(rules),
      text('true'),
      text('false'),
      text('null'),
    ),
  );
}

export function anyObject(rules: RuleSet): Expression {
  return rules.shared('object', () => {
    const member = rules.define(sequence(anyString(rules), colon(rules), anyValue(rules)));
    return sequence(text('{'), listOf(rules, member, 0), text('}'));
  });
}

export function anyArray(rules: RuleSet): Expression {
  return rules.shared('array', () => sequence(text('['), listOf(rules, anyValue(rules), 0), text(']')));
}

/** `min` to `max` items with commas between them. */
export function listOf(rules: RuleSet, item: Expression, min: number, max?: number): Expression {
  if (max !== undefined && max < min) return choice();
  if (max === 0) return empty;
  const more = rules.repeat(
    sequence(comma(rules), item),
    Math.max(0, min - 1),
    ...(max === undefined ? [] : [max - 1]),
  );
  const some = sequence(item, more);
  return min === 0 ? optional(some) : some;
}

/** From this many strings on they become a tree of their prefixes, in which one derivation is alive. */
const manyStrings = 16;

/** One of these values. */
export function constant(rules: RuleSet, values: readonly JsonValue[], work: Work): Expression {
  const strings = values.filter(
    (value): value is string => typeof value === 'string' && value.isWellFormed(),
  );
  if (strings.length >= manyStrings) {
    const table = determinise([{ automaton: textsAutomaton(strings) }], Number.POSITIVE_INFINITY, work);
    const rest = values.filter((value) => typeof value !== 'string' || !value.isWellFormed());
    if (table !== undefined) {
      return choice(stringOfTable(rules, table), ...rest.map((value) => constantOf(rules, value)));
    }
  }
  return choice(...values.map((value) => constantOf(rules, value)));
}

function constantOf(rules: RuleSet, value: JsonValue): Expression {
  if (isList(value)) {
    return sequence(
      text('['),
      joined(
        rules,
        value.map((item) => constantOf(rules, item)),
      ),
      text(']'),
    );
  }
  if (isObject(value)) {
    const members = Object.entries(value).map(([name, member]) =>
      sequence(literal(name), colon(rules), constantOf(rules, member)),
    );
    return sequence(text('{'), joined(rules, members), text('}'));
  }
  return literal(value);
}

function joined(rules: RuleSet, items: readonly Expression[]): Expression {
  return sequence(...items.flatMap((item, index) => (index === 0 ? [item] : [comma(rules), item])));
}
