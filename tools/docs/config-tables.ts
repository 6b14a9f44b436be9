import { configJsonSchema } from './config-json-schema.ts';
import { markdownTable } from './markdown-table.ts';

/** What is read here of the JSON Schema of the configuration. */
interface Node {
  readonly description?: string;
  readonly default?: unknown;
  readonly type?: string;
  readonly enum?: readonly string[];
  readonly const?: string;
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly anyOf?: readonly Node[];
  readonly properties?: Readonly<Record<string, Node>>;
  readonly additionalProperties?: Node | boolean;
  readonly items?: Node;
}

/** The sections of the file, in its order. */
export const configSections = Object.keys((configJsonSchema() as Node).properties ?? {});

/** The table of one section of docs/configuration.md: each key with its form, its default and its description in the schema. */
export function configTable(section: string): string {
  const schema = (configJsonSchema() as Node).properties?.[section];
  if (schema === undefined) throw new Error(`the configuration has no section '${section}'`);
  return markdownTable(['key', 'form', 'default', 'what it does'], rowsOf(section, schema));
}

function rowsOf(path: string, node: Node): string[][] {
  // Under a model it has the same keys as the section, which say what each does.
  if (path === 'models.*.timeouts') return [row(path, node, 'as [`timeouts`](#timeouts)')];
  const inside = placeInside(path, node);
  if (inside === undefined) return [row(path, node, formOf(node))];
  // A group of a section that stands alone is explained by its keys.
  const own = path.includes('.') && node.description !== undefined ? [row(path, node, formOf(node))] : [];
  const [place, properties] = inside;
  return [...own, ...Object.entries(properties).flatMap(([key, child]) => rowsOf(`${place}.${key}`, child))];
}

/** Where the keys inside of a node stand, and these. */
function placeInside(path: string, { properties, additionalProperties: values, items }: Node) {
  if (properties !== undefined) return [path, properties] as const;
  if (typeof values === 'object' && values.properties !== undefined)
    return [`${path}.*`, values.properties] as const;
  return items?.properties === undefined ? undefined : ([`${path}[]`, items.properties] as const);
}

function row(path: string, node: Node, form: string): string[] {
  const text = typeof node.default === 'string' ? node.default : JSON.stringify(node.default);
  const shown = node.default === undefined ? 'none' : `\`${text}\``;
  if (node.description === undefined) throw new Error(`'${path}' has no description in config/schema.ts`);
  return [`\`${path}\``, form, shown, node.description];
}

const isReference = ({ pattern }: Node) => pattern === '\\$\\{';

/** In a few words; docs/configuration.md explains durations, sizes and references. */
function formOf(node: Node): string {
  const { anyOf, enum: words, type, pattern = '', minimum, maximum, items } = node;
  if (anyOf !== undefined) {
    const forms = anyOf.filter((one) => !isReference(one)).map(formOf);
    return [...new Set(forms)].join(' or ');
  }
  if (words !== undefined) return words.map((word) => `\`${word}\``).join(', ');
  if (node.const !== undefined) return `\`${node.const}\``;
  const off = pattern.includes('^off$') ? ' or `off`' : '';
  if (pattern.includes('KiB')) return `size${off}`;
  if (pattern.includes('(ms|s|m|h|d)')) return `duration${off}`;
  if (pattern.includes('%$')) return `share${off}`;
  // Dollars may be written as a text.
  if (pattern.includes('eE')) return 'number';
  if (type === 'boolean') return '`true`, `false`';
  if (type === 'integer' || type === 'number') {
    const kind = type === 'integer' ? 'whole number' : 'number';
    return minimum === undefined || isDollars(node)
      ? kind
      : `${kind}, ${shown(minimum)} to ${shown(maximum ?? 0)}`;
  }
  if (type === 'array') return items?.properties === undefined ? 'list' : 'list of mappings';
  if (type === 'object') return 'mapping';
  return 'text';
}

/** They stand as a number or as a text: the bound says nothing then. */
function isDollars({ type, maximum }: Node): boolean {
  return type === 'number' && maximum === 1_000_000;
}

function shown(number: number): string {
  return number.toLocaleString('en-US');
}
