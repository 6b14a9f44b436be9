import { features } from '../../domain/requirements.ts';
import type { Preset } from './preset.ts';
import { presets } from './presets.ts';

/**
 * The presets as the two tables of docs/upstreams.md, in Markdown: what each honours, and how it differs.
 * A test holds the page to them.
 */
export function presetTables(): string {
  const rows: readonly (readonly [string, Preset])[] = Object.entries(presets);
  const honoured = table(
    ['feature', ...rows.map(([name]) => name)],
    features.map((feature) => [
      `\`${feature}\``,
      ...rows.map(([, preset]) => (preset.features.includes(feature) ? 'yes' : 'none')),
    ]),
  );
  const differences = table(
    [
      'preset',
      'base_url',
      'key as',
      'at most',
      'token limit as',
      'developer as',
      'taken over by prefix',
      'load',
    ],
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
  return `${honoured}\n${differences}`;
}

function bounds({ most }: Preset): string {
  const named = [
    ['temperature', most?.temperature],
    ['top_logprobs', most?.topLogprobs],
  ] as const;
  const told = named.flatMap(([name, bound]) => (bound === undefined ? [] : [`\`${name}\` ${bound}`]));
  return told.length === 0 ? 'none' : told.join(', ');
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |\n`;
  return line(head) + line(head.map(() => '---')) + rows.map(line).join('');
}
