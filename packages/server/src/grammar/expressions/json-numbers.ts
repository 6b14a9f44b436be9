import {
  characters,
  choice,
  digit,
  type Expression,
  empty,
  never,
  optional,
  sequence,
  text,
} from '../rules/expression.ts';
import type { RuleSet } from '../rules/rule-set.ts';

/** Inclusive bounds of a number. */
export interface NumberBounds {
  readonly min?: number;
  readonly max?: number;
  readonly integer: boolean;
  /** Every value is a multiple of this whole number. */
  readonly step?: bigint;
}

/**
 * The most digits of an integer without bounds: a double keeps 15 digits exactly, and a model that repeats digits
 * comes to an end.
 */
const plainDigits = 15;
/** The most digits after the point; numbers with bounds that are closer together may have more. */
const fractionDigits = 15;
const finestFractionDigits = 330;

/** A JSON number of any value: at most 15 digits before and after the point and a small exponent. */
export function anyNumber(rules: RuleSet): Expression {
  return rules.shared('number', () => {
    const fraction = sequence(text('.'), rules.repeat(digit, 1, fractionDigits));
    const exponent = sequence(
      characters([
        [0x45, 0x45],
        [0x65, 0x65],
      ]),
      optional(
        characters([
          [0x2b, 0x2b],
          [0x2d, 0x2d],
        ]),
      ),
      rules.repeat(digit, 1, 2),
    );
    const whole = choice(
      text('0'),
      sequence(characters([[0x31, 0x39]]), rules.repeat(digit, 0, plainDigits - 1)),
    );
    return sequence(optional(text('-')), whole, optional(fraction), optional(exponent));
  });
}

/** A JSON integer of at most 15 digits. */
export function anyInteger(rules: RuleSet): Expression {
  return rules.shared('integer', () =>
    choice(
      text('0'),
      sequence(optional(text('-')), characters([[0x31, 0x39]]), rules.repeat(digit, 0, plainDigits - 1)),
    ),
  );
}

/**
 * The numbers within bounds, digit by digit; `never` where there is none. A value is within the bounds also after it
 * was rounded to a double, because rounding never changes the order of numbers.
 */
export function numberWithin(rules: RuleSet, bounds: NumberBounds): Expression {
  const { min, max, integer, step } = bounds;
  if (min === undefined && max === undefined && step === undefined) {
    return integer ? anyInteger(rules) : anyNumber(rules);
  }
  if (min !== undefined && max !== undefined && min > max) return never;
  const scale = integer || step !== undefined ? 0 : scaleFor(min, max);
  if (scale === undefined) return never;
  const widest = wide(min, max) * 10n ** BigInt(scale);
  const from = min === undefined ? -widest : onGrid(min, scale, 'up');
  const to = max === undefined ? widest : onGrid(max, scale, 'down');
  return choice(
    ...(from <= 0n && to >= 0n ? [text('0')] : []),
    positive(rules, from > 0n ? from : 1n, to, scale, step ?? 1n),
    sequence(text('-'), positive(rules, to < 0n ? -to : 1n, -from, scale, step ?? 1n)),
  );
}

/** The bound of a side without one: 15 digits, or two more than the given bound has. */
function wide(min: number | undefined, max: number | undefined): bigint {
  const given = onGrid(Math.max(Math.abs(min ?? 0), Math.abs(max ?? 0)), 0, 'up');
  const digits = Math.max(plainDigits, String(given).length + 2);
  return 10n ** BigInt(digits) - 1n;
}

/** The digits after the point that are needed for a value between the bounds; undefined where 330 are too few. */
function scaleFor(min: number | undefined, max: number | undefined): number | undefined {
  if (min === undefined || max === undefined) return fractionDigits;
  for (let scale = fractionDigits; scale <= finestFractionDigits; scale += fractionDigits) {
    if (onGrid(min, scale, 'up') <= onGrid(max, scale, 'down')) return scale;
  }
  return undefined;
}

/** The number times 10^scale, computed exactly and rounded up or down to a whole number. */
export function onGrid(value: number, scale: number, direction: 'up' | 'down'): bigint {
  const [, sign = '', whole = '0', fraction = '', exponent = '0'] =
    /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]\d+))?$/.exec(String(value)) ?? [];
  const digits = BigInt(sign + whole + fraction);
  const shift = scale + Number(exponent) - fraction.length;
  if (shift >= 0) return digits * 10n ** BigInt(shift);
  const divisor = 10n ** BigInt(-shift);
  const quotient = digits / divisor;
  if (digits % divisor === 0n) return quotient;
  if (direction === 'up') return digits > 0n ? quotient + 1n : quotient;
  return digits < 0n ? quotient - 1n : quotient;
}

/** `value` times `step`, as decimal digits with trailing zeros of the step written as text. */
function positive(rules: RuleSet, from: bigint, to: bigint, scale: number, step: bigint): Expression {
  if (from > to) return never;
  let zeros = 0;
  let rest = step;
  let low = from;
  let high = to;
  for (; rest % 10n === 0n; rest /= 10n) {
    zeros += 1;
    low = (low + 9n) / 10n;
    high /= 10n;
  }
  if (low > high) return never;
  const walk = createWalk(rules, scale, Number(rest));
  const ways: Expression[] = [];
  const whole: number[] = [];
  const shortest = Math.max(1, String(low).length - scale);
  const longest = Math.max(1, String(high).length - scale);
  for (let length = shortest; length <= longest; length += 1) {
    const least = length === 1 ? 0n : 10n ** BigInt(length - 1 + scale);
    const most = 10n ** BigInt(length + scale) - 1n;
    // Between the shortest and the longest, every number of that many digits: one expression for all of them.
    if (rest === 1n && length > 1 && low <= least && high >= most) whole.push(length);
    else ways.push(walk(length, low > least ? low : least, high < most ? high : most));
  }
  const [fewest] = whole;
  if (fewest !== undefined) ways.push(allOfLength(rules, fewest, whole.at(-1) ?? fewest, scale));
  return sequence(choice(...ways), text('0'.repeat(zeros)));
}

function allOfLength(rules: RuleSet, fewest: number, most: number, scale: number): Expression {
  const fraction = scale === 0 ? empty : optional(sequence(text('.'), rules.repeat(digit, 1, scale)));
  return sequence(characters([[0x31, 0x39]]), rules.repeat(digit, fewest - 1, most - 1), fraction);
}

type Walk = (length: number, low: bigint, high: bigint) => Expression;

/**
 * Values from `low` to `high` in units of 10^-scale, with `length` digits before the point.
 *
 * ```
 *   low  1 2 5 . 0 3        tight on both sides: digits from 1 to 1
 *   high 1 4 0 . 9 9        then 2 (still tight below) | 3 (free) | 4 (still tight above)
 * ```
 * Once a prefix is free of both bounds, any digits may follow; with a step, the remainder is carried from digit to
 * digit.
 */
function createWalk(rules: RuleSet, scale: number, step: number): Walk {
  return (length, low, high) => {
    const width = length + scale;
    const lowest = String(low).padStart(width, '0');
    const highest = String(high).padStart(width, '0');
    const onlyZeros = Array.from({ length: width + 1 }, (_, at) => /^0*$/.test(lowest.slice(at)));

    function rest(at: number, tightLow: boolean, tightHigh: boolean, remainder: number): Expression {
      if (!tightLow && !tightHigh && step === 1) return free(length - at, at - length, at > length);
      const key = `${length}:${low}:${high}:${scale}:${step}:${at}:${Number(tightLow)}${Number(tightHigh)}:${remainder}`;
      const loose = `free:${scale}:${step}:${length - at}:${remainder}`;
      return rules.shared(`number:${tightLow || tightHigh ? key : loose}`, () => {
        const stop = (!tightLow || onlyZeros[at] === true) && remainder === 0 ? empty : never;
        if (at < length) return digits(at, tightLow, tightHigh, remainder);
        if (at === width) return stop;
        const more = digits(at, tightLow, tightHigh, remainder);
        return choice(at === length ? sequence(text('.'), more) : more, stop);
      });
    }

    function digits(at: number, tightLow: boolean, tightHigh: boolean, remainder: number): Expression {
      const leading = at === 0 && length > 1 ? 1 : 0;
      const from = Math.max(leading, tightLow ? Number(lowest[at]) : 0);
      const to = tightHigh ? Number(highest[at]) : 9;
      const ways: Expression[] = [];
      for (let value = from; value <= to; ) {
        const stillLow = tightLow && value === Number(lowest[at]);
        const stillHigh = tightHigh && value === to;
        const carried = step === 1 ? 0 : (remainder * 10 + value) % step;
        // Without a step all digits that are free of both bounds lead to the same rule: they are one class.
        let last = value;
        if (step === 1 && !stillLow && !stillHigh) last = tightHigh ? to - 1 : to;
        const written = characters([[0x30 + value, 0x30 + last]]);
        ways.push(sequence(written, rest(at + 1, stillLow, stillHigh, carried)));
        value = last + 1;
      }
      return choice(...ways);
    }

    function free(before: number, after: number, inFraction: boolean): Expression {
      if (inFraction) return rules.repeat(digit, 0, scale - after);
      const fraction = sequence(text('.'), rules.repeat(digit, 1, scale));
      return sequence(rules.repeat(digit, before, before), scale === 0 ? empty : optional(fraction));
    }

    return rest(0, true, true, 0);
  };
}
