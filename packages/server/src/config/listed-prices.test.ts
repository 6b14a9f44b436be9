// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references of the configuration look like that.
import { describe, expect, it } from 'vitest';
import { memoryFiles } from '../testing/memory-files.ts';
import { formatProblem } from './config-problem.ts';
import { loadConfig } from './load-config.ts';

const folder = '/etc/tailrace';
const upstreams = `upstreams:
  groq: {preset: groq}
  together: {preset: together}
  azure: {preset: azure, base_url: "http://azure"}
  claude: {kind: anthropic}
  gemini: {kind: gemini}
  plain: {base_url: "http://h/v1"}
  lab: {kind: scripted, script: ./s.yaml}
storage: {prices_file: ./prices.json}
`;

async function load(models: string, prices: string | undefined, more: object = {}) {
  const texts = { 'tailrace.yaml': `${upstreams}models:\n${models}`, 's.yaml': '' };
  const files = memoryFiles(folder, prices === undefined ? texts : { ...texts, 'prices.json': prices });
  return loadConfig({ env: {}, cwd: folder, files, ...more });
}

/** By target, the entry and the price that the catalogue lists for it. */
async function listed(models: string, prices: string) {
  const loaded = await load(models, prices);
  if (!loaded.ok) throw new Error(loaded.problems.map(formatProblem).join('\n'));
  return [...loaded.config.models.values()].flatMap(({ targets }) => targets.map((target) => target.listed));
}

async function problems(prices: string | undefined, models = '  gpt-4o: {targets: [{upstream: plain}]}') {
  const loaded = await load(models, prices);
  return loaded.ok ? [] : loaded.problems.map(formatProblem);
}

const entry = (input: string, more = '') =>
  `{"input_cost_per_token": ${input}, "litellm_provider": "x"${more}}`;

describe('a price of the catalogue', () => {
  it('is found by provider and name, then by the name there, then by the public id', async () => {
    const prices = `{
      "groq/llama": ${entry('1e-06')}, "together_ai/llama": ${entry('2e-06')}, "azure/gpt-4o": ${entry('3e-06')},
      "gpt-4o": ${entry('4e-06')}, "anthropic/haiku": ${entry('5e-06')}, "gemini/flash": ${entry('6e-06')},
      "acme/chat": ${entry('7e-06')}, "llama": ${entry('8e-06')}}`;
    const models = `
  acme/chat:
    targets:
      - {upstream: groq, model: llama}
      - {upstream: together, model: llama}
      - {upstream: azure, model: gpt-4o}
      - {upstream: plain, model: gpt-4o}
      - {upstream: claude, model: haiku}
      - {upstream: gemini, model: flash}
      - {upstream: claude, model: other}
      - {upstream: lab, model: llama}
`;
    expect((await listed(models, prices)).map((found) => [found?.entry, found?.price.input])).toEqual([
      ['groq/llama', '1'],
      ['together_ai/llama', '2'],
      ['azure/gpt-4o', '3'],
      ['gpt-4o', '4'],
      ['anthropic/haiku', '5'],
      ['gemini/flash', '6'],
      ['acme/chat', '7'],
      ['llama', '8'],
    ]);
  });

  it('is not used where the model has its own, for the engine, or where the entry has no cost of tokens', async () => {
    const prices = `{"own": ${entry('1')}, "smollm2-135m-instruct": ${entry('1')}, "image": {"output_cost_per_image": 1},
      "nothing": {"input_cost_per_token": null}, "sample_spec": ${entry('1')}}`;
    const models = `
  own: {price: {input: 2}, targets: [{upstream: plain}]}
  local: {targets: [{engine: smollm2-135m-instruct}]}
  image: {targets: [{upstream: plain}]}
  nothing: {targets: [{upstream: plain}]}
  sample_spec: {targets: [{upstream: plain}]}
  toString: {targets: [{upstream: plain}]}
`;
    expect(new Set(await listed(models, prices))).toEqual(new Set([undefined]));
  });

  it('of an entry that no target needs is not checked', async () => {
    expect(await problems('{"other": 7, "another": {"input_cost_per_token": "free"}}')).toEqual([]);
  });
});

describe('a catalogue that is wrong', () => {
  const at = 'tailrace.yaml:9: storage.prices_file: ';
  it.each([
    [undefined, 'cannot read prices.json: there is no such file'],
    ['', 'cannot read prices.json: it is not JSON'],
    ['{"a": 1,\n "b: 2}', 'cannot read prices.json: it is not JSON'],
    ['secret-text', 'cannot read prices.json: it is not JSON'],
    ['[]', 'cannot read prices.json: it is no catalogue of prices: expected an object of models'],
    ['{"gpt-4o": 7}', 'prices.json: entry "gpt-4o": expected an object, got 7'],
    [
      `{"gpt-4o": ${entry('"free"')}}`,
      'prices.json: entry "gpt-4o": input_cost_per_token: expected dollars from 0 to 1, got "free"',
    ],
    [
      `{"gpt-4o": ${entry('-1e-06', ', "output_cost_per_token": 2')}}`,
      'prices.json: entry "gpt-4o": input_cost_per_token: expected dollars from 0 to 1, got -0.000001 (and 1 more like it)',
    ],
    [
      `{"gpt-4o": ${entry('1e-31')}}`,
      'prices.json: entry "gpt-4o": input_cost_per_token: expected dollars from 0 to 1, got 1e-31',
    ],
  ])('is a problem of the configuration: %s', async (prices, message) => {
    const [problem, ...others] = await problems(prices);
    expect(others).toEqual([]);
    expect(problem).toContain(at + message);
    expect(problem).not.toContain('secret');
  });

  it('does not show a path that comes from the environment', async () => {
    const files = memoryFiles(folder, { 'tailrace.yaml': 'storage: {prices_file: "${X}"}' });
    const loaded = await loadConfig({ env: { X: 'a-secret' }, cwd: folder, files });
    expect(loaded.ok ? [] : loaded.problems.map(formatProblem)).toEqual([
      'tailrace.yaml:1: storage.prices_file: cannot read the file by the value of ${X}: there is no such file',
    ]);
  });
});
