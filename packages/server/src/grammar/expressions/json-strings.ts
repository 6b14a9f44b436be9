import { codePointsOf, intersection, type Range } from '../automata/code-points.ts';
import type { State, StateTable } from '../automata/determinise.ts';
import { characters, choice, type Expression, never, sequence, text } from '../rules/expression.ts';
import type { RuleSet } from '../rules/rule-set.ts';

/**
 * The characters that a JSON string of an answer has as themselves: all that JSON allows. `"`, `\` and the usual
 * control
 * characters have their short escapes. So each character has one spelling, and half a surrogate pair has none.
 */
const plain: readonly Range[] = [
  [0x20, 0x21],
  [0x23, 0x5b],
  [0x5d, 0xd7ff],
  [0xe000, 0x10ffff],
];
const shortEscapes = new Map([
  [0x22, '"'],
  [0x5c, '\\'],
  [0x08, 'b'],
  [0x09, 't'],
  [0x0a, 'n'],
  [0x0c, 'f'],
  [0x0d, 'r'],
]);

/** Any JSON string. */
export function anyString(rules: RuleSet): Expression {
  return rules.shared('string', () =>
    sequence(text('"'), rules.repeat(anyCharacterOfString(rules), 0), text('"')),
  );
}

/** A JSON string of `min` to `max` code points. */
export function stringOfLength(rules: RuleSet, min: number, max: number | undefined): Expression {
  if (min === 0 && max === undefined) return anyString(rules);
  const content = rules.repeat(anyCharacterOfString(rules), min, max);
  return sequence(text('"'), content, text('"'));
}

function anyCharacterOfString(rules: RuleSet): Expression {
  return rules.shared('character', () =>
    choice(
      characters(plain),
      sequence(text('\\'), characters([...shortEscapes.values(), '/'].map((letter) => one(letter)))),
    ),
  );
}

/** A known value as compact JSON text. */
export function literal(value: string | number | boolean | null): Expression {
  return text(JSON.stringify(value));
}

/** The JSON strings whose content the table accepts. */
export function stringOfTable(rules: RuleSet, table: StateTable): Expression {
  return sequence(text('"'), tableExpression(rules, table, text('"')));
}

/**
 * One rule for each state; `end` stands where a state accepts. A single derivation is alive at each point of the text.
 * A state that one other state leads to and that has no choice gets no rule: it is written where it is used.
 */
function tableExpression(rules: RuleSet, { states }: StateTable, end: Expression): Expression {
  if (states.length === 0) return never;
  const arrivals = states.map(() => 0);
  for (const { edges } of states) for (const { to } of edges) arrivals[to] = (arrivals[to] ?? 0) + 1;
  const inline = (id: number, state: State): boolean =>
    id !== 0 && arrivals[id] === 1 && state.edges.length + Number(state.accepts) === 1;
  const alive =
    1 + Math.max(...states.map(({ edges }) => edges.reduce((sum, edge) => sum + waysOf(edge), 0)));
  const declared = states.map((state, id) =>
    inline(id, state) ? undefined : rules.declare(undefined, { alive }),
  );

  function body(state: State): Expression {
    const ways = state.edges.map(({ ranges, to }) => {
      const items: Expression[] = [inString(ranges)];
      // Not recursive: a chain may have thousands of states.
      for (let id = to; ; ) {
        const rule = declared[id];
        const next = states[id];
        if (rule !== undefined || next === undefined) {
          items.push(rule === undefined ? end : { kind: 'rule', id: rule.id });
          break;
        }
        const [edge] = next.edges;
        if (edge === undefined) {
          items.push(end);
          break;
        }
        items.push(inString(edge.ranges));
        id = edge.to;
      }
      return sequence(...items);
    });
    return choice(...ways, ...(state.accepts ? [end] : []));
  }

  states.forEach((state, id) => {
    const rule = declared[id];
    if (rule !== undefined) rule.body = body(state);
  });
  const [root] = declared;
  return root === undefined ? never : { kind: 'rule', id: root.id };
}

/** The most alternatives that {@link inString} makes of an edge. */
function waysOf({ ranges }: State['edges'][number]): number {
  const [only] = ranges;
  if (only !== undefined && ranges.length === 1 && only[0] === only[1]) return 1;
  return ranges.every(([, to]) => to < 0x20) ? 0x20 : 2;
}

/**
 * The characters of a class as JSON text. Control characters without a short escape only where the class has no
 * others.
 */
function inString(ranges: readonly Range[]): Expression {
  const [only, ...others] = ranges;
  if (only !== undefined && others.length === 0 && only[0] === only[1]) return exactly(only[0]);
  const escapes = [...shortEscapes].filter(([codePoint]) =>
    ranges.some(([from, to]) => from <= codePoint && codePoint <= to),
  );
  const written = choice(
    characters(intersection(ranges, plain)),
    ...(escapes.length === 0
      ? []
      : [sequence(text('\\'), characters(escapes.map(([, letter]) => one(letter))))]),
  );
  if (written.kind !== 'choice' || written.items.length > 0) return written;
  return choice(...codePointsIn(ranges).map(exactly));
}

function exactly(codePoint: number): Expression {
  return text(JSON.stringify(String.fromCodePoint(codePoint)).slice(1, -1));
}

function codePointsIn(ranges: readonly Range[]): readonly number[] {
  return ranges.flatMap(([from, to]) => Array.from({ length: to - from + 1 }, (_, index) => from + index));
}

function one(character: string): Range {
  const [codePoint = 0] = codePointsOf(character);
  return [codePoint, codePoint];
}
