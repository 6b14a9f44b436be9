import { type Capabilities, features } from '../../domain/requirements.ts';

/** The column of one model: its name, its capabilities, and facts with a row each. */
export interface ModelColumn {
  readonly model: string;
  readonly capabilities: Capabilities;
  readonly facts: Readonly<Record<string, string>>;
}

/** The table of a provider's page: a row for every feature, with `none` where it is missing, and below them the facts. */
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
