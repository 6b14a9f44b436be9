import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { memoryFiles } from '../testing/memory-files.ts';
import { formatProblem } from './config-problem.ts';
import { loadConfig } from './load-config.ts';
import { configSchema } from './schema.ts';

const page = readFileSync(new URL('../../../../docs/configuration.md', import.meta.url), 'utf8');

interface SchemaNode {
  readonly description?: string;
  readonly default?: unknown;
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly additionalProperties?: SchemaNode | boolean;
  readonly items?: SchemaNode;
}

/** `server.listen`, `models.*.targets[].weight` …, with default and description as the page shows them. */
function keys(node: SchemaNode, path: string): readonly (readonly [string, string])[] {
  return Object.entries(node.properties ?? {}).flatMap(([key, child]) => {
    const inside = path === '' ? key : `${path}.${key}`;
    if (inside === 'models.*.timeouts' || inside === 'models.*.price') return [[inside, ''] as const];
    if (child.properties !== undefined) return keys(child, inside);
    const { additionalProperties: values, items } = child;
    if (typeof values === 'object' && values.properties !== undefined) return keys(values, `${inside}.*`);
    if (items?.properties !== undefined) return keys(items, `${inside}[]`);
    const text = typeof child.default === 'string' ? child.default : JSON.stringify(child.default);
    const shown = child.default === undefined ? 'none' : `\`${text}\``;
    return [[inside, `${shown} | ${child.description} |`] as const];
  });
}

describe('the reference page', () => {
  it.each(keys(configSchema.toJSONSchema({ io: 'input' }) as SchemaNode, ''))(
    'has a row for %s with its default and its description: %s',
    (key, shown) => {
      expect(page).toContain(`\n| \`${key}\` | ${shown}`);
    },
  );

  it('shows an example that loads', async () => {
    const examples = [...page.matchAll(/```yaml\n(.*?)```/gs)].map(([, text]) => text ?? '');
    expect(examples).toHaveLength(1);
    for (const text of examples) {
      const files = memoryFiles('/etc/tailrace', { 'tailrace.yaml': text, 'answers.yaml': '' });
      const loaded = await loadConfig({ env: {}, cwd: '/etc/tailrace', files });
      expect(loaded.ok ? [] : loaded.problems.map(formatProblem)).toEqual([]);
    }
  });
});
