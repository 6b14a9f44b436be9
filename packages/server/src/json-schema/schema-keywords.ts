/** References: names of other schemas. */
export const references: ReadonlySet<string> = new Set(['$ref', '$dynamicRef', '$recursiveRef']);

/** Values that are no schemas, whatever they look like. */
export const literals: ReadonlySet<string> = new Set(['const', 'enum', 'default', 'examples', 'example']);

/** Their members are schemas, named by the author. */
export const namedSchemas: ReadonlySet<string> = new Set([
  'properties',
  'patternProperties',
  '$defs',
  'definitions',
  'dependentSchemas',
  'dependencies',
]);
