// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references of the configuration look like that.
import type { Dice } from './dice.ts';
import { mutateBytes, mutateJson } from './mutate-json.ts';
import { planted } from './planted.ts';

/** What the environment of a configuration case holds. */
export const configEnvironment: Readonly<Record<string, string>> = {
  FUZZ_VALUE: planted.fromEnvironment,
  FUZZ_URL: `http://user:${planted.fromEnvironment}@127.0.0.1:9/v1`,
  FUZZ_LONG: planted.fromEnvironment.repeat(3_500),
  FUZZ_EMPTY: '',
};

const references = [
  '${FUZZ_VALUE}',
  '${FUZZ_URL}',
  '${FUZZ_LONG}',
  'x${FUZZ_VALUE}y',
  '${FUZZ_VALUE:-z}',
  '${FUZZ_EMPTY}',
  '${FUZZ_NONE}',
  '${FUZZ_VALUE',
];

const whole = {
  server: { listen: '127.0.0.1:0', max_streams: 10, max_body: '1MiB', cors_origins: ['*'] },
  engine: { enabled: false },
  upstreams: {
    lab: {
      kind: 'openai',
      preset: 'vllm',
      base_url: 'http://127.0.0.1:9/v1',
      api_key: 'k',
      headers: { 'x-team': 'a' },
    },
    claude: { kind: 'anthropic', api_key: 'k', proxy: 'http://127.0.0.1:9' },
    scripted: { kind: 'scripted', script: './answers.yaml' },
  },
  models: {
    'acme/chat': {
      aliases: ['chat'],
      targets: [
        { upstream: 'lab', model: 'm', weight: 2, takeover: 'prefix' },
        { upstream: 'claude', model: 'c' },
      ],
      balance: 'weight',
      context: 8192,
    },
  },
  timeouts: { connect: '5s', first_token: '2m', total: '10m' },
  retry: { per_target: 3, total: 6 },
  stream: { keepalive: 'comment', keepalive_after: '10s' },
  breaker: { failures: 5 },
  logging: { level: 'info', content: false },
  auth: { api_keys: ['abc'], key_prefix: 'tr_' },
};

/** A configuration in which a few places hold something else, values of the environment among them. */
export function configText(dice: Dice): string {
  let value: unknown = whole;
  for (let change = dice.int(0, 3); change > 0; change -= 1) value = mutateJson(dice, value);
  let text = JSON.stringify(value, null, dice.pick([0, 2])) ?? '';
  for (let change = dice.int(1, 4); change > 0; change -= 1) text = withReference(dice, text);
  if (dice.oneIn(3)) text = mutateBytes(dice, Buffer.from(text), 1 + dice.size(4)).toString('utf8');
  if (dice.oneIn(15)) text = yamlTricks(dice);
  return text;
}

/** Some text of the file, in quotation marks or not, becomes a reference. */
function withReference(dice: Dice, text: string): string {
  const places = [...text.matchAll(/"(?:[^"\\]|\\.)*"|\b\d+\b/g)];
  if (places.length === 0) return text;
  const place = dice.pick(places);
  const reference = dice.pick(references);
  const written = dice.oneIn(5) ? reference : `"${reference}"`;
  return text.slice(0, place.index) + written + text.slice(place.index + place[0].length);
}

function yamlTricks(dice: Dice): string {
  return dice.pick([
    `a: &a [x${',x'.repeat(dice.size(2_000))}]\nb: &b [${'*a,'.repeat(9)}*a]\nc: &c [${'*b,'.repeat(9)}*b]\nd: [${'*c,'.repeat(9)}*c]\n`,
    `${'['.repeat(dice.size(100_000))}`,
    `${'a: {'.repeat(dice.size(20_000))}`,
    `upstreams: ${'"'.repeat(dice.size(1_000))}\${FUZZ_VALUE}`,
    `? [\${FUZZ_VALUE}]\n: x\n`,
    `upstreams: {"\${FUZZ_VALUE}": {kind: "\${FUZZ_VALUE}", preset: "\${FUZZ_VALUE}", base_url: "\${FUZZ_VALUE}"}}\n`,
    `models: {m: {targets: [{upstream: "\${FUZZ_VALUE}"}], fallbacks: ["\${FUZZ_VALUE}"]}}\n`,
    `!!js/function "\${FUZZ_VALUE}"\n`,
    '\0'.repeat(100),
    `<<: *none\nserver: \${FUZZ_VALUE}\n`,
    `${'k: v\n'.repeat(dice.size(20_000))}`,
    `server: {listen: "\${FUZZ_VALUE}", max_body: "\${FUZZ_VALUE}", data_dir: "\${FUZZ_VALUE}"}\ntimeouts: {total: "\${FUZZ_VALUE}"}\n`,
  ]);
}
