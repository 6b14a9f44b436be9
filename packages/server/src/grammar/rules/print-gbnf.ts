import { assertNever } from '../../domain/assert-never.ts';
import { codePointsOf, type Range } from '../automata/code-points.ts';
import type { Expression } from './expression.ts';
import type { Rule } from './rule-set.ts';

/**
 * The rules in llama.cpp's grammar notation; the first rule is `root`. Names of rules consist of letters, digits and
 * hyphens. An empty alternative is written `""`, because behind a `|` at the end of a line llama.cpp would read the
 * next rule as part of this one. The text is ASCII. Undefined where it would be longer than `maxBytes`.
 */
export function printGbnf(rules: readonly Rule[], maxBytes = Number.POSITIVE_INFINITY): string | undefined {
  const [root] = rules;
  const name = (id: number): string => (id === root?.id ? 'root' : `r${id}`);
  const lines: string[] = [];
  let left = maxBytes;
  for (const rule of rules) {
    const line = `${name(rule.id)} ::= ${print(rule.body, name, 'top')}\n`;
    left -= line.length;
    if (left < 0) return undefined;
    lines.push(line);
  }
  return lines.join('');
}

type Place = 'top' | 'choice' | 'sequence' | 'repeat';

function print(expression: Expression, name: (id: number) => string, place: Place): string {
  switch (expression.kind) {
    case 'text':
      return `"${codePointsOf(expression.text).map(literalCharacter).join('')}"`;
    case 'characters':
      return `[${expression.ranges.map(printRange).join('')}]`;
    case 'rule':
      return name(expression.id);
    case 'repeat':
      return `${print(expression.item, name, 'repeat')}${printTimes(expression.min, expression.max)}`;
    case 'sequence': {
      if (expression.items.length === 0) return '""';
      const items = expression.items.map((item) => print(item, name, 'sequence')).join(' ');
      return place === 'repeat' ? `(${items})` : items;
    }
    case 'choice': {
      const items = expression.items.map((item) => print(item, name, 'choice')).join(' | ');
      return place === 'top' || place === 'choice' ? items : `(${items})`;
    }
    default:
      return assertNever(expression);
  }
}

function printTimes(min: number, max: number | undefined): string {
  if (max === undefined) return min === 0 ? '*' : min === 1 ? '+' : `{${min},}`;
  if (min === 0 && max === 1) return '?';
  return min === max ? `{${min}}` : `{${min},${max}}`;
}

function printRange([from, to]: Range): string {
  const first = classCharacter(from);
  if (from === to) return first;
  return to === from + 1 ? first + classCharacter(to) : `${first}-${classCharacter(to)}`;
}

function classCharacter(codePoint: number): string {
  const character = String.fromCodePoint(codePoint);
  return /[A-Za-z0-9 ]/.test(character) ? character : escaped(codePoint);
}

function literalCharacter(codePoint: number): string {
  if (codePoint === 0x22) return '\\"';
  if (codePoint === 0x5c) return '\\\\';
  return codePoint >= 0x20 && codePoint < 0x7f ? String.fromCodePoint(codePoint) : escaped(codePoint);
}

function escaped(codePoint: number): string {
  const hex = codePoint.toString(16).toUpperCase();
  if (codePoint <= 0xff) return `\\x${hex.padStart(2, '0')}`;
  return codePoint <= 0xffff ? `\\u${hex.padStart(4, '0')}` : `\\U${hex.padStart(8, '0')}`;
}
