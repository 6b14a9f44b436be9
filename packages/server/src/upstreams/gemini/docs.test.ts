import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { capabilityTable } from '../http/capability-table.suite.ts';
import { capabilitiesOf, geminiModel } from './models.ts';

const models = [
  'gemini-2.0-flash',
  'gemini-2.5-flash',
  'gemini-3-pro-preview',
  'gemini-3.8-flash',
  'gemini-flash-latest',
  'gemma-3-27b-it',
];

test('docs/anthropic-and-gemini.md has the current table of the Gemini models', () => {
  const page = readFileSync(new URL('../../../../../docs/anthropic-and-gemini.md', import.meta.url), 'utf8');
  const table = capabilityTable(
    models.map((model) => {
      const { thinking, jsonWithTools, contextTokens } = geminiModel(model);
      return {
        model,
        capabilities: capabilitiesOf(geminiModel(model)),
        facts: {
          '`response_format` with `tools`': jsonWithTools ? 'yes' : 'none',
          '`reasoning_effort` becomes':
            thinking === 'none' ? 'nothing' : thinking === 'budget' ? 'a budget' : 'a level',
          'taken over by prefix': 'none',
          context: contextTokens?.toLocaleString('en-GB') ?? 'unknown',
        },
      };
    }),
  );
  expect(page).toContain(table);
});
