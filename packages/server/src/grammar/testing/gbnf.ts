/**
 * llama.cpp's grammars, read and run in TypeScript for tests: a parser as strict as theirs (rule ends, repetition
 * limits, left recursion), a recogniser and a generator of random sentences. Tests only.
 */

export type Symbol =
  | {
      readonly kind: 'characters';
      readonly ranges: readonly (readonly [number, number])[];
      readonly negated: boolean;
    }
  | { readonly kind: 'rule'; readonly id: number };

/** Rules as alternatives of symbols; repetitions are expanded as llama.cpp does. */
export interface Gbnf {
  readonly root: number;
  readonly rules: readonly (readonly (readonly Symbol[])[])[];
}

const mostRepetitions = 2000;

export function parseGbnf(source: string): Gbnf {
  const input = Array.from(source);
  let position = 0;
  const ids = new Map<string, number>();
  const rules: (readonly (readonly Symbol[])[])[] = [];
  let made = 0;

  const fault = (message: string): Error =>
    new Error(`${message} at ${JSON.stringify(input.slice(position, position + 40).join(''))}`);
  function named(name: string): number {
    const known = ids.get(name);
    if (known !== undefined) return known;
    ids.set(name, ids.size);
    return ids.size - 1;
  }
  function skip(newlines: boolean): void {
    while (position < input.length) {
      const character = input[position] ?? '';
      if (character === ' ' || character === '\t' || (newlines && /[\r\n]/.test(character))) position += 1;
      else break;
    }
  }
  function readWord(pattern: RegExp, what: string): string {
    let word = '';
    while (pattern.test(input[position] ?? '')) {
      word += input[position];
      position += 1;
    }
    if (word === '') throw fault(`expected ${what}`);
    return word;
  }
  function readCharacter(): number {
    const character = input[position];
    if (character === undefined) throw fault('unexpected end');
    position += 1;
    if (character !== '\\') return character.codePointAt(0) ?? 0;
    const escaped = input[position] ?? '';
    position += 1;
    const size = { x: 2, u: 4, U: 8 }[escaped];
    if (size !== undefined) {
      const hex = input.slice(position, position + size).join('');
      if (!/^[0-9a-fA-F]+$/.test(hex) || hex.length !== size) throw fault('bad escape');
      position += size;
      return Number.parseInt(hex, 16);
    }
    const control = { t: 9, r: 13, n: 10 }[escaped];
    if (control !== undefined) return control;
    if (!'\\"[]-'.includes(escaped) || escaped === '') throw fault('unknown escape');
    return escaped.codePointAt(0) ?? 0;
  }

  function alternatives(nested: boolean): readonly (readonly Symbol[])[] {
    const found = [sequence(nested)];
    while (input[position] === '|') {
      position += 1;
      skip(true);
      found.push(sequence(nested));
    }
    return found;
  }
  function sequence(nested: boolean): readonly Symbol[] {
    let symbols: Symbol[] = [];
    let last = 0;
    let expanded = 1;
    for (;;) {
      const character = input[position] ?? '';
      if (character === '"') {
        last = symbols.length;
        expanded = 1;
        position += 1;
        while (input[position] !== '"') {
          const codePoint = readCharacter();
          symbols.push({ kind: 'characters', ranges: [[codePoint, codePoint]], negated: false });
        }
        position += 1;
      } else if (character === '[') {
        last = symbols.length;
        expanded = 1;
        symbols.push(characterClass());
      } else if (character === '(') {
        position += 1;
        skip(true);
        const before = made;
        const body = alternatives(true);
        if (input[position] !== ')') throw fault('expected )');
        position += 1;
        last = symbols.length;
        symbols.push(make(body));
        expanded = Math.max(1, made - before);
      } else if (/[a-zA-Z0-9-]/.test(character)) {
        last = symbols.length;
        expanded = 1;
        symbols.push({ kind: 'rule', id: named(readWord(/[a-zA-Z0-9-]/, 'a name')) });
      } else if (/[*+?{]/.test(character)) {
        const { min, max } = times();
        if (last === symbols.length) throw fault('nothing to repeat');
        const total = max ?? Math.max(min, 1);
        if (expanded * Math.max(total, 1) >= mostRepetitions) throw fault('too many repetitions');
        symbols = [...symbols.slice(0, last), ...unrolled(symbols.slice(last), min, max)];
        expanded *= Math.max(total, 1);
      } else return symbols;
      skip(nested);
    }
  }
  function characterClass(): Symbol {
    position += 1;
    const negated = input[position] === '^';
    if (negated) position += 1;
    const ranges: [number, number][] = [];
    while (input[position] !== ']') {
      const from = readCharacter();
      let to = from;
      if (input[position] === '-' && input[position + 1] !== ']') {
        position += 1;
        to = readCharacter();
      }
      if (to < from) throw fault('range out of order');
      ranges.push([from, to]);
    }
    if (ranges.length === 0) throw fault('empty class');
    position += 1;
    return { kind: 'characters', ranges, negated };
  }
  function times(): { min: number; max: number | undefined } {
    const character = input[position];
    position += 1;
    if (character === '*') return { min: 0, max: undefined };
    if (character === '+') return { min: 1, max: undefined };
    if (character === '?') return { min: 0, max: 1 };
    const min = Number(readWord(/\d/, 'a number'));
    let max: number | undefined = min;
    if (input[position] === ',') {
      position += 1;
      max = input[position] === '}' ? undefined : Number(readWord(/\d/, 'a number'));
    }
    if (input[position] !== '}') throw fault('expected }');
    position += 1;
    return { min, max };
  }
  function make(body: readonly (readonly Symbol[])[]): Symbol {
    made += 1;
    const id = named(`made ${made}`);
    rules[id] = body;
    return { kind: 'rule', id };
  }
  function unrolled(item: readonly Symbol[], min: number, max: number | undefined): readonly Symbol[] {
    const fixed = Array.from({ length: min }, () => item).flat();
    if (max === undefined) {
      made += 1;
      const id = named(`made ${made}`);
      rules[id] = [[...item, { kind: 'rule', id }], []];
      return [...fixed, { kind: 'rule', id }];
    }
    let rest: Symbol | undefined;
    for (let left = max - min; left > 0; left -= 1)
      rest = make([[...item, ...(rest === undefined ? [] : [rest])], []]);
    return rest === undefined ? fixed : [...fixed, rest];
  }

  skip(true);
  while (position < input.length) {
    const id = named(readWord(/[a-zA-Z0-9-]/, 'a rule name'));
    skip(false);
    if (input.slice(position, position + 3).join('') !== '::=') throw fault('expected ::=');
    position += 3;
    skip(true);
    rules[id] = alternatives(false);
    if (position < input.length && !/[\r\n]/.test(input[position] ?? ''))
      throw fault('expected the end of the rule');
    skip(true);
  }
  const root = ids.get('root');
  if (root === undefined) throw new Error('no root');
  for (const [name, id] of ids) if (rules[id] === undefined) throw new Error(`undefined rule ${name}`);
  const grammar = { root, rules };
  refuseLeftRecursion(grammar);
  return grammar;
}

function refuseLeftRecursion({ rules }: Gbnf): void {
  const done = new Set<number>();
  const open = new Set<number>();
  const nullable = nullableRules(rules);
  const visit = (id: number): void => {
    if (open.has(id)) throw new Error('left recursion');
    if (done.has(id)) return;
    open.add(id);
    for (const symbols of rules[id] ?? []) {
      for (const symbol of symbols) {
        if (symbol.kind !== 'rule') break;
        visit(symbol.id);
        if (!nullable.has(symbol.id)) break;
      }
    }
    open.delete(id);
    done.add(id);
  };
  rules.forEach((_, id) => {
    visit(id);
  });
}

function nullableRules(rules: Gbnf['rules']): ReadonlySet<number> {
  const nullable = new Set<number>();
  for (let before = -1; before < nullable.size; ) {
    before = nullable.size;
    rules.forEach((alternatives, id) => {
      const empty = alternatives.some((symbols) =>
        symbols.every((symbol) => symbol.kind === 'rule' && nullable.has(symbol.id)),
      );
      if (empty) nullable.add(id);
    });
  }
  return nullable;
}

interface Stack {
  readonly symbols: readonly Symbol[];
  readonly at: number;
  readonly below: Stack | undefined;
  readonly key: string;
}

/** True where a text is a complete sentence of the grammar; `widest`: the most derivations alive at one point. */
export function recognise(
  { rules, root }: Gbnf,
  value: string,
): { readonly accepted: boolean; readonly widest: number } {
  const numbers = new Map<readonly Symbol[], number>();
  function push(symbols: readonly Symbol[], at: number, below: Stack | undefined): Stack | undefined {
    if (at === symbols.length) return below;
    const number = numbers.get(symbols) ?? numbers.size;
    numbers.set(symbols, number);
    return { symbols, at, below, key: `${number}.${at} ${below?.key ?? ''}` };
  }
  function settle(stacks: readonly (Stack | undefined)[]): Map<string, Stack | undefined> {
    const found = new Map<string, Stack | undefined>();
    const seen = new Set<string>();
    const waiting = [...stacks];
    while (waiting.length > 0) {
      const stack = waiting.pop();
      const key = stack?.key ?? '';
      if (seen.has(key)) continue;
      seen.add(key);
      const symbol = stack?.symbols[stack.at];
      if (stack === undefined || symbol?.kind !== 'rule') {
        found.set(key, stack);
        continue;
      }
      const below = push(stack.symbols, stack.at + 1, stack.below);
      for (const alternative of rules[symbol.id] ?? []) waiting.push(push(alternative, 0, below));
    }
    return found;
  }
  let alive = settle((rules[root] ?? []).map((alternative) => push(alternative, 0, undefined)));
  let widest = alive.size;
  for (const character of value) {
    const codePoint = character.codePointAt(0) ?? 0;
    const next: (Stack | undefined)[] = [];
    for (const stack of alive.values()) {
      const symbol = stack?.symbols[stack.at];
      if (stack === undefined || symbol?.kind !== 'characters') continue;
      const inside = symbol.ranges.some(([from, to]) => from <= codePoint && codePoint <= to);
      if (inside !== symbol.negated) next.push(push(stack.symbols, stack.at + 1, stack.below));
    }
    alive = settle(next);
    widest = Math.max(widest, alive.size);
  }
  return { accepted: alive.has(''), widest };
}

/** Random sentences of the grammar, for a source of random numbers from 0 to 1. */
export function createGenerator({ rules, root }: Gbnf, random: () => number): (budget?: number) => string {
  // Once the budget is spent the alternative with the fewest symbols is chosen, so every sentence ends.
  const least = rules.map(() => Number.POSITIVE_INFINITY);
  const cost = (symbols: readonly Symbol[]): number =>
    symbols.reduce((sum, symbol) => sum + (symbol.kind === 'rule' ? (least[symbol.id] ?? 0) : 1), 1);
  for (let changed = true; changed; ) {
    changed = false;
    for (let id = rules.length - 1; id >= 0; id -= 1) {
      const best = Math.min(...(rules[id] ?? []).map(cost));
      if (best >= (least[id] ?? 0)) continue;
      least[id] = best;
      changed = true;
    }
  }
  if (least[root] === Number.POSITIVE_INFINITY) throw new Error('no sentence ends');
  const costs = rules.map((alternatives) => alternatives.map(cost));

  return (budget = 200) => {
    let left = budget;
    const sentence: string[] = [];
    const stack: Symbol[] = [{ kind: 'rule', id: root }];
    for (let symbol = stack.pop(); symbol !== undefined; symbol = stack.pop()) {
      left -= 1;
      if (symbol.kind === 'characters') {
        sentence.push(String.fromCodePoint(pick(symbol, random)));
        continue;
      }
      const alternatives = rules[symbol.id] ?? [];
      const prices = costs[symbol.id] ?? [];
      const cheapest = prices.indexOf(Math.min(...prices));
      let index = Math.floor(random() * alternatives.length);
      // Most rules have few ends. An end is chosen half of the time, so sentences stay short and vary.
      if (left <= 0 || prices[index] === Number.POSITIVE_INFINITY) index = cheapest;
      stack.push(...(alternatives[index] ?? []).toReversed());
    }
    return sentence.join('');
  };
}

function pick(symbol: Extract<Symbol, { kind: 'characters' }>, random: () => number): number {
  if (symbol.negated) throw new Error('negated classes are not generated');
  const [from, to] = symbol.ranges[Math.floor(random() * symbol.ranges.length)] ?? [0, 0];
  // Mostly near the ends of ranges and in ASCII, where mistakes are likely.
  const dice = random();
  if (dice < 0.2) return from;
  if (dice < 0.4) return to;
  const high = dice < 0.8 ? Math.min(to, from + 95) : to;
  return from + Math.floor(random() * (high - from + 1));
}
