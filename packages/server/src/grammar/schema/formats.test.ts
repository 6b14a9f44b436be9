import { describe, expect, test } from 'vitest';
import { partOf } from '../../testing/suite-part.ts';
import { type Condition, lengthAutomaton } from '../automata/automaton.ts';
import { determinise } from '../automata/determinise.ts';
import { patternAutomaton } from '../automata/pattern-automaton.ts';
import { parsePattern } from '../automata/pattern-parser.ts';
import { compileSchema } from '../compile/compile-schema.ts';
import { formats } from './formats.ts';

function conditionsOf(pattern: string): Condition[] {
  const parsed = parsePattern(pattern);
  if ('kind' in parsed) throw new Error(`${pattern}: ${parsed.reason}`);
  return [{ body: parsed.body, negated: false }, ...parsed.ahead].map(({ body, negated }) => {
    const automaton = patternAutomaton(body);
    if (automaton === undefined) throw new Error(`too large: ${pattern}`);
    return { automaton, negated };
  });
}

/** True where no text of the pattern fails the condition. */
function allMeet(pattern: string, { automaton, negated }: Condition): boolean {
  const failing = { automaton, negated: negated !== true };
  const table = determinise([...conditionsOf(`^(?:${pattern})$`), failing], 100_000, { left: 1e9 });
  return table?.states.length === 0;
}

const listed = Object.entries(formats);

describe('what a format implies', () => {
  const rows = listed.flatMap(([name, { pattern = '', implies = [] }]) =>
    // Our patterns have no look-ahead in the middle, which zod's pattern of durations has.
    implies
      .filter((implied) => !('kind' in parsePattern(implied)))
      .map((implied) => [name, pattern, implied] as const),
  );
  // A hostname takes seconds.
  const isSlow = ([name]: (typeof rows)[number]) => name === 'hostname';
  const slowRows = rows.filter(isSlow);
  const quickRows = rows.filter((row) => !isSlow(row));
  test.each([...partOf(quickRows, 5), ...partOf(slowRows, 0)])(
    'every %s that is written matches the pattern that stands beside it',
    (...row) => {
      const [, pattern, implied] = row;
      for (const condition of conditionsOf(implied)) expect(allMeet(pattern, condition)).toBe(true);
    },
  );
});

describe('formats with a maxLength', () => {
  const rows = listed.flatMap(([name, { pattern = '', within }]) =>
    [80, 124, 186, 187, 197, 275, 276].flatMap((max) => {
      const short = within?.(max);
      return short === undefined ? [] : [[name, max, short, pattern] as const];
    }),
  );

  test.each(partOf(rows, 3))('every %s of at most %i characters is valid and not longer', (...row) => {
    const [, max, short, pattern] = row;
    expect(allMeet(short, { automaton: lengthAutomaton(0, max) })).toBe(true);
    for (const condition of conditionsOf(`^(?:${pattern})$`)) expect(allMeet(short, condition)).toBe(true);
  });

  const bytesOf = (schema: Readonly<Record<string, string | number>>) => {
    const compiled = compileSchema({ type: 'string', ...schema }, { path: 's' });
    return compiled.ok ? compiled.value.gbnf.length : compiled.failure.message;
  };

  test('the addresses and host names of pydantic and zod have small grammars', () => {
    const ordinary = [
      { format: 'uri', minLength: 1, maxLength: 2_083 },
      { format: 'uri', maxLength: 255 },
      { format: 'email', maxLength: 255, pattern: formats['email']?.implies?.[0] ?? '' },
      { format: 'hostname', maxLength: 253 },
    ];
    for (const schema of ordinary) expect(bytesOf(schema)).toBeLessThan(50_000);
  });

  test('a minLength that is longer than the shortest text is counted', () => {
    const short = bytesOf({ format: 'email', maxLength: 124 });
    expect(bytesOf({ format: 'email', minLength: 12, maxLength: 124 })).toBeGreaterThan(Number(short));
    expect(bytesOf({ format: 'email', minLength: 12, maxLength: 12 })).toBeGreaterThan(0);
  });
});

test('the formats of zod for digests are accepted with their pattern and refused without one', () => {
  const digest = { type: 'string', format: 'sha256_hex' };
  expect(compileSchema({ ...digest, pattern: '^[0-9a-f]{64}$' }, { path: 's' }).ok).toBe(true);
  expect(compileSchema(digest, { path: 's' })).toMatchObject({
    failure: { code: 'unsupported_parameter', param: 's.format' },
  });
});
