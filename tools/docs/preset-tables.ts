import { features } from '../../packages/server/src/domain/requirements.ts';
import { featuresOf, type Preset } from '../../packages/server/src/upstreams/openai/preset.ts';
import { presets } from '../../packages/server/src/upstreams/openai/presets.ts';
import { markdownTable } from './markdown-table.ts';

const rows: readonly (readonly [string, Preset])[] = Object.entries(presets);

/** The table of docs/upstreams.md that says which features each preset honours. */
export function presetFeatures(): string {
  return markdownTable(
    ['feature', ...rows.map(([name]) => name)],
    features.map((feature) => [
      `\`${feature}\``,
      ...rows.map(([, preset]) => (featuresOf(preset).includes(feature) ? 'yes' : 'none')),
    ]),
  );
}

/** The table of docs/upstreams.md that says how the presets differ. */
export function presetDifferences(): string {
  const head = [
    'preset',
    'base_url',
    'key as',
    'at most',
    'token limit as',
    'developer as',
    'taken over by prefix',
    'load',
  ];
  return markdownTable(
    head,
    rows.map(([name, preset]) => [
      `\`${name}\``,
      preset.baseUrl === undefined ? 'yours' : `\`${preset.baseUrl}\``,
      preset.auth === 'bearer' ? 'Bearer' : '`api-key`',
      bounds(preset),
      `\`${preset.maxTokensField}\``,
      preset.developerRole,
      preset.prefill === undefined ? 'if configured' : preset.prefill === 'never' ? 'none' : 'yes',
      preset.load === undefined ? 'none' : `\`${preset.load.path}\``,
    ]),
  );
}

function bounds({ most }: Preset): string {
  const named = [
    ['temperature', most?.temperature],
    ['top_logprobs', most?.topLogprobs],
    ['stop', most?.stops],
    ['tools', most?.tools],
  ] as const;
  const set = named.flatMap(([name, bound]) => (bound === undefined ? [] : [`\`${name}\` ${bound}`]));
  if (most?.nameLength !== undefined) set.push(`names ${most.nameLength}`);
  return set.length === 0 ? 'none' : set.join(', ');
}
