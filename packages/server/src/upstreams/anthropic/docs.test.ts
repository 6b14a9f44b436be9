import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { loadConfig } from '../../config/load-config.ts';
import { memoryFiles } from '../../testing/memory-files.ts';
import { capabilityTable } from '../http/capability-table.suite.ts';
import { capabilitiesOf, claudeModel } from './models.ts';

const models = [
  'claude-3-7-sonnet',
  'claude-sonnet-4-0',
  'claude-sonnet-4-5',
  'claude-opus-4-6',
  'claude-opus-4-8',
  'claude-sonnet-5-5',
  'any other name',
];

const page = readFileSync(new URL('../../../../../docs/anthropic-and-gemini.md', import.meta.url), 'utf8');

test('a configuration with an Anthropic upstream is accepted without a warning', async () => {
  const [yaml] = [...page.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, text]) => text ?? '');
  const loaded = await loadConfig({
    env: { ANTHROPIC_API_KEY: 'a', GEMINI_API_KEY: 'b' },
    cwd: '/etc/tailrace',
    files: memoryFiles('/etc/tailrace', { 'tailrace.yaml': yaml ?? '' }),
  });
  expect(loaded).toMatchObject({ ok: true, warnings: [] });
  expect(loaded.ok && [...loaded.config.upstreams.values()].map(({ kind }) => kind)).toEqual([
    'anthropic',
    'gemini',
  ]);
});

test('docs/anthropic-and-gemini.md has the current table of the Claude models', () => {
  const table = capabilityTable(
    models.map((model) => {
      const { sampling, thinking, prefill, maxOutputTokens, contextTokens } = claudeModel(model);
      return {
        model,
        capabilities: capabilitiesOf(claudeModel(model)),
        facts: {
          '`temperature` with `top_p`':
            sampling === 'both' ? 'both' : sampling === 'one' ? 'one of them' : 'none',
          '`reasoning_effort` becomes':
            thinking === 'none' ? 'nothing' : thinking === 'budget' ? 'a budget' : 'an effort',
          'taken over by prefix': prefill ? 'yes' : 'none',
          '`max_tokens`, where none is given': maxOutputTokens.toLocaleString('en-GB'),
          context: contextTokens?.toLocaleString('en-GB') ?? 'unknown',
        },
      };
    }),
  );
  expect(page).toContain(table);
});
