import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { memoryFiles } from '../testing/memory-files.ts';
import { formatProblem } from './config-problem.ts';
import { loadConfig } from './load-config.ts';

const page = readFileSync(new URL('../../../../README.md', import.meta.url), 'utf8');
const [block = '', ...others] = [...page.matchAll(/```yaml[^\n]*\n(.*?)```/gs)].map(([, text = '']) => text);

test('the configuration that the README shows loads, with two targets, a fallback and the keys of the environment', async () => {
  expect(others).toEqual([]);
  const env = { GROQ_API_KEY: 'gsk-1', ANTHROPIC_API_KEY: 'sk-ant-1' };
  const loaded = await loadConfig({
    env,
    cwd: '/etc/tailrace',
    files: memoryFiles('/etc/tailrace', { 'tailrace.yaml': block }),
  });
  expect(loaded.ok ? loaded.warnings : loaded.problems.map(formatProblem)).toEqual([]);
  if (!loaded.ok) return;
  const { models, upstreams } = loaded.config;
  expect([...upstreams].map(([name, { kind, apiKeys }]) => [name, kind, apiKeys])).toEqual([
    ['lab', 'openai', undefined],
    ['groq', 'openai', ['gsk-1']],
    ['claude', 'anthropic', ['sk-ant-1']],
  ]);
  const chat = models.get('acme/chat');
  expect(chat?.targets.map(({ upstream, priority }) => [upstream, priority])).toEqual([
    ['lab', 0],
    ['groq', 1],
  ]);
  expect(chat?.fallbacks).toEqual(['acme/careful']);
});

test('without its keys the README’s configuration says which variable is missing', async () => {
  const files = memoryFiles('/etc/tailrace', { 'tailrace.yaml': block });
  const loaded = await loadConfig({ env: {}, cwd: '/etc/tailrace', files });
  const problems = loaded.ok ? [] : loaded.problems.map(formatProblem);
  expect(problems.join('\n')).toMatch(/GROQ_API_KEY[\s\S]*ANTHROPIC_API_KEY/);
});
