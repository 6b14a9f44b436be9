/*
 * Few colours, named by what they mean. The theme gives each kind a number in place of a colour; the colours themselves are in
 * `code-text.css`, so that the dark scheme needs no second run. Nothing is bold or slanted: no letter moves when colours come.
 */

const scopes = {
  comment: ['comment', 'punctuation.definition.comment'],
  string: [
    'string',
    'punctuation.definition.string',
    'constant.other.symbol',
    'markup.inserted',
    'string.unquoted',
  ],
  number: [
    'constant.numeric',
    'constant.language',
    'constant.character.escape',
    'constant.other',
    'support.constant',
    'keyword.other.unit',
  ],
  keyword: [
    'keyword',
    'storage',
    'keyword.operator.new',
    'keyword.operator.expression',
    'punctuation.definition.keyword',
  ],
  function: ['entity.name.function', 'support.function', 'meta.function-call.generic', 'variable.function'],
  type: [
    'entity.name.type',
    'entity.name.class',
    'entity.other.inherited-class',
    'support.type',
    'support.class',
    'entity.name.tag',
    'entity.name.namespace',
  ],
  name: [
    'support.type.property-name',
    'entity.other.attribute-name',
    'meta.object-literal.key',
    'variable.parameter.function-call.python',
    'meta.mapping.key string',
    'entity.name.tag.yaml',
  ],
  removed: ['markup.deleted'],
  plain: [
    'keyword.operator',
    'storage.type.function.arrow',
    'string.interpolated punctuation.definition',
    'meta.template.expression',
    'punctuation',
  ],
} as const;

type Kind = keyof typeof scopes;
const kinds = Object.keys(scopes) as Kind[];

function numberOf(kind: Kind): string {
  return `#0000${(kinds.indexOf(kind) + 1).toString(16).padStart(2, '0')}`;
}

const byNumber = new Map(kinds.map((kind) => [numberOf(kind), kind]));

export function kindOf(colour: string | undefined): string | undefined {
  const kind = byNumber.get((colour ?? '').toLowerCase());
  return kind === 'plain' ? undefined : kind;
}

export const theme = {
  name: 'tailrace',
  type: 'light' as const,
  fg: '#ffffff',
  bg: '#ffffff',
  settings: kinds.map((kind) => ({ scope: [...scopes[kind]], settings: { foreground: numberOf(kind) } })),
};
