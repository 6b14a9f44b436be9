import { describe, expect, it } from 'vitest';
import {
  readFields,
  readKeyFields,
  readOverlap,
  readOwnerFields,
} from '../../packages/server/src/access/administration/read-fields.ts';
import type { Result } from '../../packages/server/src/domain/failure.ts';
import type { JsonValue } from '../../packages/server/src/domain/json.ts';
import { seededRandom } from '../../packages/server/src/testing/seeded-random.ts';
import { roundsOf, seedOf } from '../../packages/server/src/testing/suite-part.ts';
import { ref } from './schema.ts';
import { mutate } from './testing/mutations.ts';
import { validatorOf } from './testing/validate.ts';

const limits = {
  name: 'ci',
  models: ['acme/*', 'default'],
  requests_per_minute: 60,
  tokens_per_minute: 1_000,
  max_streams: 5,
  budget: { tokens: 100, period: 'day' },
  metadata: { a: [1] },
};
const nowMs = Date.parse('2026-11-29T00:00:00Z');

const bodies: readonly {
  readonly schema: string;
  readonly valid: readonly JsonValue[];
  readonly read: (body: JsonValue) => Result<unknown>;
}[] = [
  {
    schema: 'KeyFields',
    valid: [
      { ...limits, owner: 'acme', expires_at: '2030-01-01T00:00:00Z', usage_chunk: 'separate' },
      { ...limits, budget: { usd: 1.5, period: 'month' }, owner: null },
    ],
    read: (body) => readKeyFields(body, nowMs),
  },
  { schema: 'OwnerFields', valid: [limits, {}], read: readOwnerFields },
  { schema: 'Rotation', valid: [{ overlap: '1h' }, { overlap: null }], read: readOverlap },
  { schema: 'NoFields', valid: [{}], read: (body) => readFields(body, [], () => undefined) },
];

const others: readonly JsonValue[] = [
  ...[
    null,
    true,
    {},
    [],
    [''],
    ['a*'],
    ['*a'],
    ['*'],
    [7],
    '',
    'text',
    'a b',
    'day',
    'week',
    'inline',
    '1h',
    '1 h',
    '1.5h',
  ],
  ...[-1, 0, 0.5, 1, 1.5, 1_000_000, 1_000_001, 1e9, 1e9 + 1, 1e12, 1e12 + 1, 1e15, 1e15 + 1],
  ...['x'.repeat(128), 'x'.repeat(129), 'é', '2030-01-01T00:00:00Z', '2030-01-01', '2030-02-31T00:00:00Z'],
  { usd: 5, period: 'total' },
  { tokens: 5 },
  { tokens: 5, usd: 1, period: 'day' },
  { tokens: 5, usd: null, period: 'day' },
  { a: 1 },
];

/** Rules that a schema cannot have. */
const beyond = [/six decimals/, /lies in the past/, /at most 90d/];

describe.each(bodies)('the schema $schema', ({ schema, valid, read }) => {
  const validate = validatorOf(ref(schema));

  it('takes what is valid', () => {
    for (const body of valid) {
      expect(validate(body) ? [] : validate.errors).toEqual([]);
      expect(read(body).ok).toBe(true);
    }
  });

  it('takes and refuses what the reader takes and refuses, in bodies that are changed at random', () => {
    const random = seededRandom(seedOf());
    for (let round = 0; round < roundsOf(50_000, 2_000); round += 1) {
      const changed = mutate(valid[round % valid.length] ?? null, others, random);
      const answer = read(changed);
      if (!answer.ok && beyond.some((rule) => rule.test(answer.failure.message))) continue;
      const fits = validate(changed);
      expect({ changed, fits, why: answer.ok ? validate.errors : answer.failure.message }).toMatchObject({
        fits: answer.ok,
      });
    }
  });
});
