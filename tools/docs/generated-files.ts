import { faults } from '../../packages/server/src/wall/catalogue.ts';
import { grafanaBoard } from './board.ts';
import { configJsonSchema } from './config-json-schema.ts';
import { faultTable } from './fault-table.ts';
import { metricTables } from './metric-tables.ts';
import { presetDifferences, presetFeatures } from './preset-tables.ts';
import { ruleTables } from './rule-table.ts';

/** A file of the repository that is made from code, wholly or between two marks. */
export interface GeneratedFile {
  /** From the root of the repository. */
  readonly path: string;
  /** The file as it should be, made from the file as it is. Throws where a mark is missing. */
  renew(text: string): string;
}

/** All of them. `tools/write-docs.ts` writes them, and a test fails where one is not current. */
export const generatedFiles: readonly GeneratedFile[] = [
  {
    path: 'packages/server/tailrace.schema.json',
    renew: () => `${JSON.stringify(configJsonSchema(), undefined, 2)}\n`,
  },
  { path: 'docs/wall.md', renew: (text) => between(text, 'faults', `\n${faultTable(faults)}`) },
  {
    path: 'docs/check.md',
    renew(text) {
      const withOpenAi = between(text, 'openai rules', `\n${ruleTables('openai')}`);
      return between(withOpenAi, 'tailrace rules', `\n${ruleTables('tailrace')}`);
    },
  },
  {
    path: 'deploy/grafana/tailrace.json',
    renew: () => `${JSON.stringify(grafanaBoard(), undefined, 2)}\n`,
  },
  { path: 'docs/metrics.md', renew: (text) => between(text, 'metrics', `\n${metricTables()}`) },
  {
    path: 'docs/upstreams.md',
    renew(text) {
      const withFeatures = between(text, 'preset features', `\n${presetFeatures()}`);
      return between(withFeatures, 'preset differences', `\n${presetDifferences()}`);
    },
  },
];

/** `text` with `content` between `<!-- NAME -->` and `<!-- /NAME -->`. */
function between(text: string, name: string, content: string): string {
  const marks = new RegExp(`(<!-- ${name} -->)[\\s\\S]*(<!-- /${name} -->)`);
  if (!marks.test(text)) throw new Error(`the marks of '${name}' are missing`);
  return text.replace(marks, (_all, begin: string, end: string) => `${begin}${content}${end}`);
}
