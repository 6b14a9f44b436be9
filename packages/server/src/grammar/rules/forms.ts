import { type Expression, never, sequence, text } from './expression.ts';
import type { Rule } from './rule-set.ts';

/**
 * The symbols that one derivation has yet to read, in order. Equal forms are the same object, so sets of forms can be
 * compared by ids. The head is never a sequence.
 */
export interface Form {
  readonly id: number;
  readonly head: Expression;
  /** Undefined behind the last symbol. */
  readonly next: Form | undefined;
  readonly length: number;
}

/** Forms over the rules of a grammar without left recursion; `undefined` is the form without symbols. */
export interface Forms {
  /** The form of `expression` followed by `next`. */
  prepend(expression: Expression, next: Form | undefined): Form | undefined;
  /** Forms of the same texts, with the head replaced by its alternatives; a head of text or characters stays. */
  unfold(form: Form): readonly (Form | undefined)[];
  /**
   * The first characters of its texts: a bit for each ASCII character, one for all others, `endBit` for the empty
   * text.
   */
  first(form: Form | undefined): bigint;
  /**
   * The derivations that llama.cpp keeps where this form is next: one for each symbol that its texts may begin with.
   */
  fan(form: Form | undefined): number;
  /** A string that is equal for equal expressions. */
  keyOf(expression: Expression): string;
  rule(id: number): Rule | undefined;
  /** Makes a new rule and returns a reference to it. */
  define(body: Expression): Expression;
}

export const endBit = 1n << 129n;
const othersBit = 1n << 128n;

export function createForms(source: readonly Rule[]): Forms {
  const rules = new Map(source.map((rule) => [rule.id, rule]));
  const interned = new Map<string, Form>();
  const keys = new WeakMap<Expression, string>();
  const firsts = new Map<number, bigint>();
  const fans = new Map<number, number>();
  let nextRule = source.reduce((most, { id }) => Math.max(most, id), 0) + 1;

  function keyOf(expression: Expression): string {
    const known = keys.get(expression);
    if (known !== undefined) return known;
    const key = writeKey(expression);
    keys.set(expression, key);
    return key;
  }

  function writeKey(expression: Expression): string {
    switch (expression.kind) {
      case 'text':
        return JSON.stringify(expression.text);
      case 'characters':
        return `[${expression.ranges.map(([from, to]) => `${from}-${to}`).join(' ')}]`;
      case 'rule':
        return `r${expression.id}`;
      case 'repeat':
        return `${keyOf(expression.item)}{${expression.min},${expression.max ?? ''}}`;
      case 'sequence':
        return `(${expression.items.map(keyOf).join(' ')})`;
      case 'choice':
        return `(${expression.items.map(keyOf).join('|')})`;
    }
  }

  function cons(head: Expression, next: Form | undefined): Form {
    const key = `${next?.id ?? ''}:${keyOf(head)}`;
    const known = interned.get(key);
    if (known !== undefined) return known;
    const form: Form = { id: interned.size + 1, head, next, length: (next?.length ?? 0) + 1 };
    interned.set(key, form);
    return form;
  }

  function prepend(expression: Expression, next: Form | undefined): Form | undefined {
    if (expression.kind === 'sequence') {
      return expression.items.reduceRight<Form | undefined>((rest, item) => prepend(item, rest), next);
    }
    return expression.kind === 'text' && expression.text === '' ? next : cons(expression, next);
  }

  function unfold(form: Form): readonly (Form | undefined)[] {
    const { head, next } = form;
    switch (head.kind) {
      case 'rule': {
        const body = rules.get(head.id)?.body ?? never;
        const items = body.kind === 'choice' ? body.items : [body];
        return items.map((item) => prepend(item, next));
      }
      case 'choice':
        return head.items.map((item) => prepend(item, next));
      case 'repeat': {
        const { item, min, max } = head;
        if (max === 0) return [next];
        const left: Expression = {
          kind: 'repeat',
          item,
          min: Math.max(0, min - 1),
          ...(max === undefined ? {} : { max: max - 1 }),
        };
        const more = prepend(item, max === 1 ? next : cons(left, next));
        return min > 0 ? [more] : [more, next];
      }
      default:
        return [form];
    }
  }

  function first(form: Form | undefined): bigint {
    if (form === undefined) return endBit;
    const known = firsts.get(form.id);
    if (known !== undefined) return known;
    const { head, next } = form;
    let bits: bigint;
    if (head.kind === 'text') bits = bitOf(head.text.codePointAt(0) ?? 0);
    else if (head.kind === 'characters') bits = bitsOf(head.ranges);
    // The tail is examined only where the head may be empty: it may be long.
    else if (next !== undefined) {
      const own = first(cons(head, undefined));
      bits = (own & endBit) === 0n ? own : (own & ~endBit) | first(next);
    } else bits = unfold(form).reduce((all, one) => all | first(one), 0n);
    firsts.set(form.id, bits);
    return bits;
  }

  function fan(form: Form | undefined): number {
    if (form === undefined || form.head.kind === 'text' || form.head.kind === 'characters') return 1;
    const known = fans.get(form.id);
    if (known !== undefined) return known;
    const { head, next } = form;
    let count: number;
    if (next !== undefined) {
      const alone = cons(head, undefined);
      count = fan(alone) + ((first(alone) & endBit) === 0n ? 0 : fan(next));
    } else if (head.kind === 'repeat') count = fan(prepend(head.item, undefined)) + 1;
    else count = unfold(form).reduce((sum, one) => sum + fan(one), 0);
    fans.set(form.id, count);
    return count;
  }

  return {
    prepend,
    unfold,
    first,
    fan,
    keyOf,
    rule: (id) => rules.get(id),
    define(body) {
      const id = nextRule;
      nextRule += 1;
      rules.set(id, { id, body });
      return { kind: 'rule', id };
    },
  };
}

/** The form as one expression. */
export function expressionOf(form: Form | undefined): Expression {
  const items: Expression[] = [];
  for (let at = form; at !== undefined; at = at.next) items.push(at.head);
  return sequence(...items);
}

/** The form without the first `length` UTF-16 units of its text, or without its first character class. */
export function dropText(forms: Forms, form: Form, length: number): Form | undefined {
  if (form.head.kind !== 'text') return form.next;
  return forms.prepend(text(form.head.text.slice(length)), form.next);
}

function bitOf(codePoint: number): bigint {
  return codePoint < 128 ? 1n << BigInt(codePoint) : othersBit;
}

function bitsOf(ranges: readonly (readonly [number, number])[]): bigint {
  let bits = 0n;
  for (const [from, to] of ranges) {
    if (to > 127) bits |= othersBit;
    if (from > 127) continue;
    const last = Math.min(to, 127);
    bits |= ((1n << BigInt(last - from + 1)) - 1n) << BigInt(from);
  }
  return bits;
}
