import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { memoryFiles } from '../testing/memory-files.ts';
import { formatProblem } from './config-problem.ts';
import { loadConfig } from './load-config.ts';

const page = readFileSync(new URL('../../../../docs/configuration.md', import.meta.url), 'utf8');

/* Its tables are generated from the schema: tools/docs/config-tables.ts. */
describe('the reference page', () => {
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
