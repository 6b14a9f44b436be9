// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references of the configuration look like that.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { memoryFiles } from '../testing/memory-files.ts';
import { formatProblem } from './config-problem.ts';
import { loadConfig } from './load-config.ts';

const folder = '/etc/tailrace';

async function load(price: string, env: Readonly<Record<string, string>> = {}) {
  const yaml = `models:\n  a:\n    targets: [{engine: smollm2-135m-instruct}]\n    price: ${price}\n`;
  return loadConfig({ env, cwd: folder, files: memoryFiles(folder, { 'tailrace.yaml': yaml }) });
}

async function priceOf(price: string, env?: Readonly<Record<string, string>>) {
  const loaded = await load(price, env);
  if (!loaded.ok) throw new Error(loaded.problems.map(formatProblem).join('\n'));
  return loaded.config.models.get('a')?.price;
}

async function problems(price: string): Promise<readonly string[]> {
  const loaded = await load(price);
  return loaded.ok ? [] : loaded.problems.map(formatProblem);
}

const form = 'expected dollars from 0 to 1000000, with at most 12 decimals, such as 0.15';

describe('a price', () => {
  it('has its amounts as they are written, and not as JavaScript rounds them', async () => {
    expect(
      await priceOf(
        '{input: 0.150, output: "0.60", cached: 1e-7, cache_write: 123456.123456789012, request: "${FEE}"}',
        { FEE: '.005' },
      ),
    ).toEqual({
      input: '0.15',
      output: '0.6',
      cached: '0.0000001',
      cacheWrite: '123456.123456789012',
      request: '0.005',
      above: [],
    });
  });

  it('may be one for each request only, and 0', async () => {
    expect(await priceOf('{request: 0.01}')).toEqual({ request: '0.01', above: [] });
    expect(await priceOf('{input: 0, output: 0}')).toEqual({ input: '0', output: '0', above: [] });
  });

  it('has steps for long prompts', async () => {
    expect(
      await priceOf(
        '{input: 1, above: [{tokens: 1e3, input: 2}, {tokens: 200000, input: 3, cache_write: 4}]}',
      ),
    ).toEqual({
      input: '1',
      above: [
        { tokens: 1_000, input: '2' },
        { tokens: 200_000, input: '3', cacheWrite: '4' },
      ],
    });
  });

  it('is read from an alias too', async () => {
    expect(await priceOf('&p {input: &i 0.30, output: *i}')).toEqual({
      input: '0.3',
      output: '0.3',
      above: [],
    });
  });

  it.each([
    ['{input: -1}', `price.input: ${form}, got -1`],
    ['{input: -0}', `price.input: ${form}, got "-0"`],
    ['{output: .inf}', `price.output: ${form}, got ".inf"`],
    ['{output: .nan}', `price.output: ${form}, got ".nan"`],
    ['{cached: 0x10}', `price.cached: ${form}, got "0x10"`],
    ['{cached: 0.1234567890123}', `price.cached: ${form}, got 0.1234567890123`],
    ['{cache_write: 1000000.01}', `price.cache_write: ${form}, got 1000000.01`],
    ['{request: "$1"}', `price.request: ${form}, got "$1" (without the currency)`],
    ['{request: [1]}', `price.request: ${form}, got a list`],
    ['{inptu: 1}', 'price.inptu: unknown key "inptu" (did you mean "input"?)'],
    ['{}', 'price: a price needs at least one of input, output and request (0 for a free model)'],
    ['{cached: 1}', 'price: a price needs at least one of input, output and request (0 for a free model)'],
    ['{input: 1, above: [{tokens: 5}]}', 'price.above[0]: needs at least one of input, output, cached'],
    ['{input: 1, above: [{input: 5}]}', 'price.above[0].tokens: expected a whole number from 1 to 10000000'],
    [
      '{input: 1, above: [{tokens: 5, input: 2}, {tokens: 5, input: 3}]}',
      'price.above[1].tokens: 5 is here twice',
    ],
    [
      '{input: 1, above: [{tokens: 5, input: 2}, {tokens: 4, input: 3}]}',
      'price.above[1].tokens: expected more than the 5 before it, got 4',
    ],
  ])('%s is refused', async (price, message) => {
    expect(await problems(price)).toEqual([expect.stringContaining(`tailrace.yaml:4: models.a.${message}`)]);
  });
});

it('the examples of the page of prices load together', async () => {
  const page = readFileSync(new URL('../../../../docs/prices.md', import.meta.url), 'utf8');
  const blocks = [...page.matchAll(/```yaml[^\n]*\n(.*?)```/gs)].map(([, text = '']) => text);
  const yaml = ['upstreams: {lab: {base_url: "http://h/v1"}}', ...blocks].join('\n');
  const files = memoryFiles(folder, {
    'tailrace.yaml': yaml,
    'model_prices_and_context_window.json': '{"llama-3.1-8b": {"input_cost_per_token": 1e-07}}',
  });
  const loaded = await loadConfig({ env: {}, cwd: folder, files });
  expect(
    loaded.ok ? loaded.config.models.get('acme/chat')?.price : loaded.problems.map(formatProblem),
  ).toMatchObject({
    input: '0.15',
    cacheWrite: '0.1875',
    above: [{ tokens: 200_000, input: '0.3', output: '0.9' }],
  });
});
