import { type Capabilities, features } from '../../domain/requirements.ts';

/** One model's column: its name, what it honours, and whatever else is worth a row. */
export interface ModelColumn {
  readonly model: string;
  readonly capabilities: Capabilities;
  readonly facts: Readonly<Record<string, string>>;
}

/** The table of a provider's page: every feature, `none` included, and the facts of each model below them. */
export function capabilityTable(columns: readonly ModelColumn[]): string {
  const row = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const names = [...new Set(columns.flatMap(({ facts }) => Object.keys(facts)))];
  return [
    row(['', ...columns.map(({ model }) => `\`${model}\``)]),
    row(['---', ...columns.map(() => '---')]),
    ...features.map((feature) =>
      row([
        `\`${feature}\``,
        ...columns.map(({ capabilities }) => (capabilities.has(feature) ? 'yes' : 'none')),
      ]),
    ),
    ...names.map((name) => row([name, ...columns.map(({ facts }) => facts[name] ?? '')])),
  ].join('\n');
}
