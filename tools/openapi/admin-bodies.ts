import {
  budgetFields,
  keyBounds,
  keyFields as keyFieldNames,
  overlapFields,
  ownerFields,
  ownerId,
  plainKeyFields,
  plainLimits,
} from '../../packages/server/src/access/administration/read-fields.ts';
import { about, object, optionalFields, orNull, type Schema } from './schema.ts';

/*
 * The bodies of the administration. Fields and bounds are those that read them; `admin-bodies.test.ts` holds the rest to the readers.
 * No field of another name is taken, and null removes one.
 */

const strict = { additionalProperties: false };

const models: Schema = {
  type: ['array', 'null'],
  minItems: 1,
  maxItems: keyBounds.models,
  items: { type: 'string', minLength: 1, maxLength: keyBounds.modelLength, pattern: '^[^*]*[^*]?\\*?$' },
  description: 'The models that may be used, by name or by a pattern such as `acme/*`. Absent: all.',
};

const { tokens, usd, period } = budgetFields;
const dollars = about('US dollars, with at most six decimals.', usd);
const budget: Schema = {
  anyOf: [
    object({ tokens, usd: { type: 'null' }, period }, ['tokens', 'period'], strict),
    object({ usd: dollars, tokens: { type: 'null' }, period }, ['usd', 'period'], strict),
    { type: 'null' },
  ],
  description: 'What may be used in a day or a month (UTC), or in total: in tokens or in dollars.',
};

const owner: Schema = {
  ...orNull(plainKeyFields.owner),
  pattern: ownerId.source,
  description: 'Who pays. One that does not exist is made. Absent: `default`.',
};

const fields: Readonly<Record<string, Schema>> = {
  ...optionalFields(plainLimits),
  ...optionalFields(plainKeyFields),
  models,
  budget,
  metadata: {
    type: ['object', 'null'],
    description: `An object of your own, as JSON at most ${keyBounds.metadataLength} characters.`,
  },
  owner,
  expires_at: {
    type: ['string', 'null'],
    format: 'date-time',
    description: 'The key is refused from this time on, which lies in the future.',
  },
};

export const adminBodySchemas: Readonly<Record<string, Schema>> = {
  KeyFields: object(named(keyFieldNames), [], strict),
  OwnerFields: object(named(ownerFields), [], strict),
  Rotation: object(
    {
      overlap: {
        ...orNull(overlapFields.overlap),
        pattern: '^\\d{1,12}(ms|s|m|h|d)$',
        description:
          'How long the key before lives on, such as `1h`; at most 90 days. Absent: it ends at once.',
      },
    },
    [],
    strict,
  ),
  NoFields: { type: 'object', maxProperties: 0, description: 'No field is taken; the body may be absent.' },
  SignIn: object(
    {
      code: {
        type: ['string', 'null'],
        maxLength: 64,
        description: 'A code of `tailrace console`, for a browser.',
      },
    },
    [],
    strict,
  ),
};

function named(names: readonly string[]): Readonly<Record<string, Schema>> {
  return Object.fromEntries(
    names.map((name) => {
      const schema = fields[name];
      if (schema === undefined) throw new Error(`'${name}' has no schema`);
      return [name, schema];
    }),
  );
}
