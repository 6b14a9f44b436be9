import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { pricesCommand } from './prices-command.ts';

let cwd: string;
beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'tailrace-prices-'));
});
afterEach(async () => {
  await rm(cwd, { recursive: true });
});

async function run(...args: readonly string[]) {
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  const status = await pricesCommand(args, { env: {}, cwd, stdout, stderr });
  return { status, out: String(stdout.read() ?? ''), err: String(stderr.read() ?? '') };
}

const config = `
storage: {prices_file: ./prices.json}
engine: {enabled: false}
upstreams:
  lab: {base_url: "http://h/v1"}
  claude: {kind: anthropic}
models:
  acme/chat:
    price: {input: 0.15, output: 0.60, cached: 0.05, request: 0.001, above: [{tokens: 200000, input: 0.3}]}
    targets: [{upstream: lab, model: llama}, {upstream: claude, model: sonnet}]
  careful: {targets: [{upstream: claude, model: sonnet}]}
  other: {targets: [{upstream: lab, model: unknown}]}
`;
const prices = JSON.stringify({
  sonnet: {
    input_cost_per_token: 3e-6,
    output_cost_per_token: 1.5e-5,
    cache_creation_input_token_cost: 3.75e-6,
  },
});

describe('tailrace prices check', () => {
  beforeEach(async () => {
    await writeFile(join(cwd, 'tailrace.yaml'), config);
    await writeFile(join(cwd, 'prices.json'), prices);
  });

  it('lists every target with its price, an example and where the price stands', async () => {
    const own = 'input 0.15, output 0.6, cached 0.05, request 0.001; above 200000 tokens: input 0.3';
    const pad = (text: string) => text.padEnd(own.length);
    expect(await run('check')).toEqual({
      status: 0,
      out: [
        `  TARGET         ${pad('US DOLLARS FOR A MILLION TOKENS')}  1000 + 1000 TOKENS  FROM`,
        'acme/chat',
        `  lab/llama      ${own}  $0.001750           tailrace.yaml: models.acme/chat.price`,
        `  claude/sonnet  ${own}  $0.001750           tailrace.yaml: models.acme/chat.price`,
        'careful',
        `  claude/sonnet  ${pad('input 3, output 15, cache_write 3.75')}  $0.018000           prices.json: sonnet`,
        'other',
        '  lab/unknown    no price',
        '    the catalogue has no entry "openai/unknown", "unknown" or "other"',
        '3 models, 4 targets: 3 with a price, 1 without',
        '',
      ].join('\n'),
      err: '',
    });
  });

  it('prints the same as JSON', async () => {
    const { status, out } = await run('check', '--json', '--config', 'tailrace.yaml');
    const example = { prompt_tokens: 1_000, completion_tokens: 1_000 };
    expect({ status, ...(JSON.parse(out) as object) }).toMatchObject({
      status: 0,
      with_price: 3,
      without_price: 1,
      targets: [
        {
          model: 'acme/chat',
          target: 'lab/llama',
          price: { input: '0.15', request: '0.001', above: [{ tokens: 200_000, input: '0.3' }] },
          source: { file: join(cwd, 'tailrace.yaml'), key: 'models.acme/chat.price' },
          example: { ...example, cost_micro_usd: 1_750 },
        },
        { model: 'acme/chat' },
        {
          model: 'careful',
          price: { input: '3', output: '15', cache_write: '3.75' },
          source: { file: join(cwd, 'prices.json'), key: 'sonnet' },
          example: { ...example, cost_micro_usd: 18_000 },
        },
        {
          model: 'other',
          target: 'lab/unknown',
          price: null,
          source: null,
          example: { ...example, cost_micro_usd: null },
        },
      ],
    });
  });

  it('says which costs of the catalogue are not charged, and what an entry has instead of a price', async () => {
    const entries = {
      sonnet: {
        input_cost_per_token: '3e-06',
        input_cost_per_token_priority: 6e-6,
        output_cost_per_audio_token: 1e-5,
      },
      unknown: { output_cost_per_second: 0.01 },
    };
    await writeFile(join(cwd, 'prices.json'), JSON.stringify(entries));
    const { out } = await run('check');
    expect(out).toContain(
      'prices.json: sonnet\n    not charged at their own costs: the service tier priority, audio\n',
    );
    expect(out).toContain(
      '  lab/unknown    no price\n    the entry "unknown" has no cost of tokens or requests, only those of: seconds\n',
    );
    const json: unknown = JSON.parse((await run('check', '--json')).out);
    expect(json).toMatchObject({
      targets: [
        { not_charged: [] },
        { not_charged: [] },
        { not_charged: [{ what: 'the service tier priority' }, { fields: ['output_cost_per_audio_token'] }] },
        { not_charged: [], looked_for: ['openai/unknown', 'unknown', 'other'] },
      ],
    });
  });

  it('ends with 2 where the catalogue is wrong or gone, or the configuration is', async () => {
    await writeFile(join(cwd, 'prices.json'), '{"sonnet": {"input_cost_per_token": "x"}}');
    expect(await run('check')).toEqual({
      status: 2,
      out: '',
      err: 'tailrace.yaml:2: storage.prices_file: prices.json: entry "sonnet": input_cost_per_token: expected dollars from 0 to 1, got "x"\n',
    });
    await rm(join(cwd, 'prices.json'));
    expect((await run('check')).err).toContain('cannot read prices.json: there is no such file');
    expect((await run('check', '--config=gone.yaml')).status).toBe(2);
  });

  it.each([
    ['', 'prices needs a command: there is only check'],
    ['list', 'there is no command "prices list"; there is only check'],
    ['check more', 'unexpected "more"; see tailrace prices --help'],
    ['check --prices', 'there is no flag --prices here'],
    ['check --config', '--config needs a value'],
    ['check --config=', '--config needs a value'],
  ])('refuses other words: %s', async (words, message) => {
    const { status, out, err } = await run(...words.split(' ').filter((word) => word !== ''));
    expect({ status, out }).toEqual({ status: 2, out: '' });
    expect(err).toContain(`tailrace: ${message}`);
    expect(err.trimEnd()).not.toContain('\n');
  });

  it('explains itself', async () => {
    expect(await run('--help')).toMatchObject({ status: 0, err: '' });
  });
});
