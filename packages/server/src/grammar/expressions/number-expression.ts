import { choice, type Expression, never, text } from '../rules/expression.ts';
import { numberBounds } from '../schema/bounds.ts';
import { numberOf, type PlainPart } from '../schema/schema-part.ts';
import { memberPath } from '../schema/schema-path.ts';
import { checkNumberFormat } from '../schema/string-conditions.ts';
import type { Compiler } from './compiler.ts';
import { numberWithin, onGrid } from './json-numbers.ts';

/** For `multipleOf` each digit needs a rule for each remainder: this is the most of them. */
const largestStep = 128n;
/** The work of one remainder: a rule for each digit, in each length of a number. */
const workOfRemainder = 150;
/** The most values that are listed one by one where `multipleOf` has a fraction. */
const mostListed = 1000;

export function numberExpression(
  compiler: Compiler,
  parts: readonly PlainPart[],
  integer: boolean,
): Expression {
  const { rules, problems, work } = compiler;
  for (const part of parts) checkNumberFormat(part, problems);
  const { min, max } = numberBounds(parts);
  const bounds = { ...(min === undefined ? {} : { min }), ...(max === undefined ? {} : { max }) };
  const steps = parts.filter(({ schema }) => schema['multipleOf'] !== undefined);
  const fractional = steps.find(({ schema }) => !Number.isSafeInteger(schema['multipleOf']));
  if (fractional !== undefined)
    return listed(compiler, steps, bounds, integer, memberPath(fractional.path, 'multipleOf'));
  const step = steps.reduce(
    (product, { schema }) => leastCommonMultiple(product, BigInt(numberOf(schema, 'multipleOf') ?? 1)),
    1n,
  );
  const [first] = steps;
  if (first !== undefined && withoutTens(step) > largestStep) {
    problems.refuse(
      'unsupported_parameter',
      memberPath(first.path, 'multipleOf'),
      `“multipleOf” is enforced up to ${largestStep} (times a power of ten), not ${step}.`,
    );
    return never;
  }
  if (first !== undefined) {
    work.left -= Number(withoutTens(step)) * workOfRemainder;
    if (work.left < 0) {
      problems.refuse(
        'invalid_value',
        memberPath(first.path, 'multipleOf'),
        'Too many numbers ask for multiples.',
      );
      return never;
    }
  }
  return numberWithin(rules, { ...bounds, integer, ...(first === undefined ? {} : { step }) });
}

/**
 * The multiples of a fraction, listed one by one. Validators divide doubles, and 0.07 / 0.01 is not a whole double: a
 * multiple that they would not accept is left out.
 */
function listed(
  { problems }: Compiler,
  steps: readonly PlainPart[],
  { min, max }: { readonly min?: number; readonly max?: number },
  integer: boolean,
  path: string,
): Expression {
  const sizes = steps.flatMap(({ schema }) => numberOf(schema, 'multipleOf') ?? []);
  const size = Math.max(...sizes);
  const first = min === undefined ? Number.NEGATIVE_INFINITY : Math.ceil(min / size);
  const last = max === undefined ? Number.POSITIVE_INFINITY : Math.floor(max / size);
  if (last - first >= mostListed) {
    problems.refuse(
      'unsupported_parameter',
      path,
      `“multipleOf” with a fraction is enforced only between bounds that leave at most ${mostListed} values; add “minimum” and “maximum”.`,
    );
    return never;
  }
  const digits = /\.(\d+)$/.exec(String(size))?.[1]?.length ?? 0;
  const scaled = onGrid(size, digits, 'up');
  const values: string[] = [];
  for (let count = first; count <= last; count += 1) {
    const value = Number(BigInt(count) * scaled) / 10 ** digits;
    const within = (min === undefined || value >= min) && (max === undefined || value <= max);
    const whole = !integer || Number.isInteger(value);
    if (within && whole && sizes.every((step) => Number.isInteger(value / step)))
      values.push(JSON.stringify(value));
  }
  return choice(...values.map(text));
}

function leastCommonMultiple(a: bigint, b: bigint): bigint {
  let x = a;
  let y = b;
  while (y !== 0n) [x, y] = [y, x % y];
  return (a / x) * b;
}

function withoutTens(value: bigint): bigint {
  let rest = value;
  while (rest % 10n === 0n) rest /= 10n;
  return rest;
}
