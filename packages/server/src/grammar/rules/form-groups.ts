import { type Range, union } from '../automata/code-points.ts';
import { type Expression, text } from './expression.ts';
import { dropText, endBit, type Form, type Forms } from './forms.ts';

/** Forms that begin with the same symbol. `first`: the characters that it may begin with. */
export interface Group {
  readonly head: Expression;
  readonly forms: readonly Form[];
  readonly first: bigint;
}

/** Groups that the next character cannot distinguish. */
export type Cluster = readonly Group[];

export function isTerminal({ kind }: Expression): boolean {
  return kind === 'text' || kind === 'characters';
}

/** Groups forms by their first symbol, then the groups by their first characters. The empty form is in no group. */
export function clusters(forms: Forms, set: readonly (Form | undefined)[]): readonly Cluster[] {
  const groups = new Map<string, { head: Expression; forms: Form[]; first: bigint }>();
  for (const form of new Set(set)) {
    if (form === undefined) continue;
    const key = forms.keyOf(form.head);
    const first = forms.first(form) & ~endBit;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { head: form.head, forms: [form], first });
    else {
      group.forms.push(form);
      group.first |= first;
    }
  }
  const found: { first: bigint; groups: Group[] }[] = [];
  for (const group of groups.values()) {
    const touched = found.filter(({ first }) => (first & group.first) !== 0n);
    const [into] = touched;
    if (into === undefined) {
      found.push({ first: group.first, groups: [group] });
      continue;
    }
    for (const other of touched.slice(1)) {
      into.groups.push(...other.groups);
      into.first |= other.first;
      found.splice(found.indexOf(other), 1);
    }
    into.groups.push(group);
    into.first |= group.first;
  }
  return found.map(({ groups: cluster }) => cluster);
}

/** One step: what is read, and the forms that are alive behind it. */
export interface Way {
  readonly read: Expression;
  readonly rests: readonly (Form | undefined)[];
}

/** The steps of forms that begin with a text or a character class; no two steps read the same character. */
export function ways(forms: Forms, set: readonly Form[]): readonly Way[] {
  const prefix = commonText(set);
  if (prefix !== '') {
    const rests = set.map((form) => dropText(forms, form, prefix.length));
    return [{ read: text(prefix), rests: [...new Set(rests)] }];
  }
  const starts = set.map((form) => ({ ranges: firstRanges(form.head), form }));
  const edges = new Set(starts.flatMap(({ ranges }) => ranges.flatMap(([from, to]) => [from, to + 1])));
  const points = [...edges].sort((a, b) => a - b);
  const byRests = new Map<string, { ranges: Range[]; rests: readonly (Form | undefined)[] }>();
  points.forEach((from, index) => {
    const to = (points[index + 1] ?? from + 1) - 1;
    const alive = starts.filter(({ ranges }) => ranges.some(([a, b]) => a <= from && from <= b));
    if (alive.length === 0) return;
    const rests = [...new Set(alive.map(({ form }) => dropText(forms, form, unitsOf(form.head))))];
    const key = keyOfSet(rests);
    const known = byRests.get(key);
    if (known === undefined) byRests.set(key, { ranges: [[from, to]], rests });
    else known.ranges.push([from, to]);
  });
  return [...byRests.values()].map(({ ranges, rests }) => ({ read: readOf(union(ranges)), rests }));
}

export function keyOfSet(set: readonly (Form | undefined)[]): string {
  return [...new Set(set.map((form) => form?.id ?? 0))].sort((a, b) => a - b).join(' ');
}

function readOf(ranges: readonly Range[]): Expression {
  const [only] = ranges;
  return ranges.length === 1 && only !== undefined && only[0] === only[1]
    ? text(String.fromCodePoint(only[0]))
    : { kind: 'characters', ranges };
}

function firstRanges(head: Expression): readonly Range[] {
  if (head.kind === 'characters') return head.ranges;
  const codePoint = head.kind === 'text' ? (head.text.codePointAt(0) ?? 0) : 0;
  return [[codePoint, codePoint]];
}

function unitsOf(head: Expression): number {
  return head.kind === 'text' ? String.fromCodePoint(head.text.codePointAt(0) ?? 0).length : 0;
}

/** The longest common prefix in whole code points; empty where a form begins with a character class. */
function commonText(set: readonly Form[]): string {
  let common: string | undefined;
  for (const { head } of set) {
    if (head.kind !== 'text') return '';
    if (common === undefined) common = head.text;
    let length = 0;
    while (length < common.length && common[length] === head.text[length]) length += 1;
    common = common.slice(0, length);
  }
  const whole = common ?? '';
  return /[\ud800-\udbff]$/.test(whole) ? whole.slice(0, -1) : whole;
}
