/** The types of JSON Schema; an integer is a number without a fraction. */
export const jsonTypes = ['null', 'boolean', 'integer', 'number', 'string', 'array', 'object'] as const;
export type JsonType = (typeof jsonTypes)[number];

/** The shape that the value of a keyword must have. */
export type Shape =
  | 'anything'
  | 'boolean'
  | 'count'
  | 'list'
  | 'names'
  | 'number'
  | 'positive number'
  | 'number or boolean'
  | 'schema'
  | 'schema or list of schemas'
  | 'list of schemas'
  | 'map of schemas'
  | 'string'
  | 'type';

export interface Keyword {
  /** `enforced`: by the grammar. `ignored`: the keyword asserts nothing. `refused`: 400 at its path. */
  readonly status: 'enforced' | 'ignored' | 'refused';
  readonly shape: Shape;
  /** The type that the keyword is about: a schema without `type` that has the keyword is of this type. */
  readonly type?: JsonType;
}

function enforced(shape: Shape, type?: JsonType): Keyword {
  return { status: 'enforced', shape, ...(type === undefined ? {} : { type }) };
}
const ignored: Keyword = { status: 'ignored', shape: 'anything' };
const refused: Keyword = { status: 'refused', shape: 'anything' };

const refusedNames = [
  'if',
  'then',
  'else',
  'dependentRequired',
  'dependentSchemas',
  'dependencies',
  'contains',
  'minContains',
  'maxContains',
  'unevaluatedProperties',
  'unevaluatedItems',
  '$anchor',
  '$dynamicRef',
  '$dynamicAnchor',
  '$recursiveRef',
  '$recursiveAnchor',
  '$vocabulary',
];

/** Every known keyword. Other names are refused too, except those that begin with `x-`. */
export const keywords: Readonly<Record<string, Keyword>> = {
  type: enforced('type'),
  enum: enforced('list'),
  const: enforced('anything'),
  nullable: enforced('boolean'),
  allOf: enforced('list of schemas'),
  anyOf: enforced('list of schemas'),
  oneOf: enforced('list of schemas'),
  not: enforced('schema'),
  $ref: enforced('string'),
  properties: enforced('map of schemas', 'object'),
  required: enforced('names', 'object'),
  additionalProperties: enforced('schema', 'object'),
  patternProperties: enforced('map of schemas', 'object'),
  propertyNames: enforced('schema', 'object'),
  minProperties: enforced('count', 'object'),
  maxProperties: enforced('count', 'object'),
  items: enforced('schema or list of schemas', 'array'),
  prefixItems: enforced('list of schemas', 'array'),
  additionalItems: enforced('schema', 'array'),
  minItems: enforced('count', 'array'),
  maxItems: enforced('count', 'array'),
  uniqueItems: enforced('boolean', 'array'),
  minLength: enforced('count', 'string'),
  maxLength: enforced('count', 'string'),
  pattern: enforced('string', 'string'),
  format: enforced('string'),
  minimum: enforced('number', 'number'),
  maximum: enforced('number', 'number'),
  exclusiveMinimum: enforced('number or boolean', 'number'),
  exclusiveMaximum: enforced('number or boolean', 'number'),
  multipleOf: enforced('positive number', 'number'),

  $defs: { status: 'ignored', shape: 'map of schemas' },
  definitions: { status: 'ignored', shape: 'map of schemas' },
  $schema: ignored,
  $id: ignored,
  id: ignored,
  $comment: ignored,
  title: ignored,
  description: ignored,
  default: ignored,
  example: ignored,
  examples: ignored,
  deprecated: ignored,
  readOnly: ignored,
  writeOnly: ignored,
  discriminator: ignored,
  externalDocs: ignored,
  xml: ignored,
  contentEncoding: ignored,
  contentMediaType: ignored,
  contentSchema: ignored,

  ...Object.fromEntries(refusedNames.map((name) => [name, refused])),
};

/** The entry of a name; unknown names are refused, or ignored where they begin with `x-`. */
export function keyword(name: string): Keyword {
  if (Object.hasOwn(keywords, name)) return keywords[name] ?? refused;
  return name.startsWith('x-') ? ignored : refused;
}
