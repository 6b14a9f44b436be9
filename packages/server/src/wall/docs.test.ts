import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { loadConfig } from '../config/load-config.ts';
import { memoryFiles } from '../testing/memory-files.ts';
import { findFault, modelPrefix } from './catalogue.ts';
import { createCounters } from './stats.ts';

const page = readFileSync(new URL('../../../../docs/wall.md', import.meta.url), 'utf8');

describe('docs/wall.md', () => {
  it('shows a configuration that loads, with faults that exist', async () => {
    const [, text = ''] = /```yaml.*\n([\s\S]*?)```/.exec(page) ?? [];
    const files = memoryFiles('/etc/tailrace', { 'tailrace.yaml': text });
    const loaded = await loadConfig({ env: {}, cwd: '/etc/tailrace', files });
    const models = loaded.ok ? [...loaded.config.models.values()] : [];
    const names = models.flatMap(({ targets }) => targets.map(({ model }) => model));
    expect(names).toHaveLength(5);
    for (const name of names) expect(findFault(name.slice(modelPrefix.length))).toMatchObject({ ok: true });
  });

  it('shows all counters', () => {
    const [, shown = ''] = /```json.*\n([\s\S]*?)```/.exec(page) ?? [];
    expect(Object.keys(JSON.parse(shown) as object)).toEqual(Object.keys(createCounters().stats(0)));
  });
});
