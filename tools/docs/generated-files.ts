import { errorCodes } from '@tailrace/protocol';
import { faults } from '../../packages/server/src/wall/catalogue.ts';
import { openApiText, provokedErrors } from '../openapi/generate.ts';
import { adminRouteTable } from './admin-routes.ts';
import { grafanaBoard } from './board.ts';
import { answerTable, fieldTable, targetTable } from './chat-tables.ts';
import { cliSections } from './cli-help.ts';
import { configJsonSchema } from './config-json-schema.ts';
import { configSections, configTable } from './config-tables.ts';
import { errorExample, errorFacts, errorPage } from './error-pages.ts';
import { faultTable } from './fault-table.ts';
import { metricTables } from './metric-tables.ts';
import { presetDifferences, presetFeatures } from './preset-tables.ts';
import { ruleTables } from './rule-table.ts';

/** A file of the repository that is made from code, wholly or between two marks. */
export interface GeneratedFile {
  /** From the root of the repository. */
  readonly path: string;
  /** The file as it should be, made from the file as it is. Throws where a mark is missing. */
  renew(text: string): string | Promise<string>;
}

/** All of them. `tools/write-docs.ts` writes them, and a test fails where one is not current. */
export const generatedFiles: readonly GeneratedFile[] = [
  {
    path: 'packages/server/tailrace.schema.json',
    renew: () => `${JSON.stringify(configJsonSchema(), undefined, 2)}\n`,
  },
  { path: 'packages/server/openapi.json', renew: openApiText },
  {
    path: 'docs/configuration.md',
    renew: (text) =>
      configSections.reduce(
        (page, section) => between(page, `keys of ${section}`, `\n${configTable(section)}`),
        text,
      ),
  },
  ...errorCodes.map((code) => ({
    path: errorPage(code),
    async renew(text: string) {
      const withFacts = between(text, 'facts', `\n${errorFacts(code)}`);
      return between(withFacts, 'example', `\n${errorExample((await provokedErrors())[code])}`);
    },
  })),
  {
    path: 'docs/chat-completions.md',
    renew(text) {
      const withFields = between(text, 'fields', `\n${fieldTable()}`);
      const withTargets = between(withFields, 'targets', `\n${targetTable()}`);
      const withAnswer = between(withTargets, 'answer', `\n${answerTable('ChatCompletion')}`);
      return between(withAnswer, 'chunk', `\n${answerTable('ChatCompletionChunk')}`);
    },
  },
  { path: 'docs/cli.md', renew: async (text) => between(text, 'commands', `\n${await cliSections()}`) },
  { path: 'docs/admin-api.md', renew: (text) => between(text, 'routes', `\n${adminRouteTable()}`) },
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
