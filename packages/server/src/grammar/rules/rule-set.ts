import { choice, type Expression, empty, isNever, never, sequence } from './expression.ts';

/** One rule of the grammar. `path`: the place in the schema that the rule was made for, where there is one. */
export interface Rule {
  readonly id: number;
  readonly path?: string;
  /**
   * The rule counts in blocks: its two alternatives begin alike, and only the second continues behind a complete block.
   */
  readonly blocks?: true;
  /** The most derivations that are alive inside the rule, where its construction guarantees that. */
  readonly alive?: number;
  body: Expression;
}

/** The grammar while it is being built. */
export interface RuleSet {
  readonly rules: readonly Rule[];
  /** A rule whose body the caller sets later: a recursive rule needs its id first. */
  declare(path?: string, known?: Pick<Rule, 'blocks' | 'alive'>): Rule;
  /** Makes a new rule and returns a reference to it. */
  define(body: Expression, path?: string): Expression;
  /** A reference to the one rule of this name; `make` is called the first time. */
  shared(name: string, make: () => Expression): Expression;
  /** `item`, `min` to `max` times (`max` absent: no limit). `item` must not match the empty text. */
  repeat(item: Expression, min: number, max?: number): Expression;
}

/**
 * llama.cpp expands a repetition into one rule for each time and refuses 2,000 and more of them; a greater maximum it
 * silently reads as "no limit". Longer repetitions are therefore made of blocks of this size. While a text is counted
 * two derivations are alive, never more.
 */
const blockSize = 1000;

export function createRuleSet(): RuleSet {
  const rules: Rule[] = [];
  const byName = new Map<string, Expression>();

  function declare(path?: string, known: Pick<Rule, 'blocks' | 'alive'> = {}): Rule {
    const rule: Rule = {
      id: rules.length,
      body: never,
      ...(path === undefined ? {} : { path }),
      ...known,
    };
    rules.push(rule);
    return rule;
  }

  function define(body: Expression, path?: string): Expression {
    const rule = declare(path);
    rule.body = body;
    return { kind: 'rule', id: rule.id };
  }

  function exactly(item: Expression, times: number): Expression {
    const blocks = Math.floor(times / blockSize);
    const rest = times % blockSize;
    const head = blocks === 0 ? empty : counted(define(counted(item, blockSize, blockSize)), blocks, blocks);
    return sequence(head, counted(item, rest, rest));
  }

  function atMost(item: Expression, times: number): Expression {
    if (times <= blockSize) return counted(item, 0, times);
    const block = define(counted(item, blockSize, blockSize));
    const lessThanBlock = define(counted(item, 0, blockSize - 1));
    let chain = counted(item, 0, times % blockSize);
    for (let left = Math.floor(times / blockSize); left > 0; left -= 1) {
      const rule = declare(undefined, { blocks: true });
      rule.body = choice(lessThanBlock, sequence(block, chain));
      chain = { kind: 'rule', id: rule.id };
    }
    return chain;
  }

  return {
    rules,
    declare,
    define,
    shared(name, make) {
      const known = byName.get(name);
      if (known !== undefined) return known;
      const rule = declare();
      const reference: Expression = { kind: 'rule', id: rule.id };
      byName.set(name, reference);
      rule.body = make();
      return reference;
    },
    repeat(item, min, max) {
      if (max !== undefined && max < min) return never;
      if (max === 0) return empty;
      if (isNever(item)) return min === 0 ? empty : never;
      // A group in brackets counts as several rules against llama.cpp's limit; a reference counts as one.
      const atom = item.kind === 'rule' || item.kind === 'characters' ? item : define(item);
      if (max !== undefined && max < blockSize) return counted(atom, min, max);
      if (max === undefined) {
        return min < 2 ? counted(atom, min) : sequence(exactly(atom, min), counted(atom, 0));
      }
      return sequence(exactly(atom, min), atMost(atom, max - min));
    },
  };
}

function counted(item: Expression, min: number, max?: number): Expression {
  if (max === 0) return empty;
  if (min === 1 && max === 1) return item;
  return { kind: 'repeat', item, min, ...(max === undefined ? {} : { max }) };
}
