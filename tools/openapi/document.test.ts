import { readFileSync } from 'node:fs';
import path from 'node:path';
import { createConfig, lintFromString } from '@redocly/openapi-core';
import { errorCodes } from '@tailrace/protocol';
import { describe, expect, it } from 'vitest';
import { root } from '../run.ts';
import { operations } from './document.ts';
import { allRoutes, provokedErrors } from './generate.ts';
import { fieldMeanings } from './request-fields.ts';

const file = path.join(root, 'packages/server/openapi.json');

describe('openapi.json', () => {
  it('describes every route, and no other', async () => {
    const routes = (await allRoutes())
      .map(({ method, path: at }) => `${method} ${at.replace('{+', '{')}`)
      // The same as without the stroke.
      .filter((place) => place !== 'GET /docs/');
    expect(routes.filter((place) => operations[place] === undefined)).toEqual([]);
    // The server answers HEAD by the route of GET; only that of a stream says more than GET.
    const alone = Object.keys(operations).filter((place) => !routes.includes(place));
    expect(alone).toEqual(['HEAD /v1/streams/{id}']);
  });

  it('passes the linter', async () => {
    const config = await createConfig({
      extends: ['recommended-strict'],
      rules: {
        'no-invalid-media-type-examples': { severity: 'error', allowAdditionalProperties: true },
        // The two routes that lead to a provider and back answer 303 only.
        'operation-2xx-response': 'off',
      },
    });
    const problems = await lintFromString({ source: readFileSync(file, 'utf8'), absoluteRef: file, config });
    const shown = problems.map(
      ({ ruleId, message, location }) => `${ruleId}: ${message} ${JSON.stringify(location[0]?.pointer)}`,
    );
    expect(shown).toEqual([]);
  });

  it('has each operation under a name of its own, and with an answer', () => {
    const all = Object.values(operations);
    expect(new Set(all.map(({ id }) => id)).size).toBe(all.length);
    expect(all.filter(({ answers }) => Object.keys(answers).length === 0)).toEqual([]);
  });

  it('says what each field means in whole sentences', () => {
    for (const [field, meaning] of Object.entries(fieldMeanings))
      expect({ field, meaning: meaning.at(-1) }).toEqual({ field, meaning: '.' });
  });
});

describe('the examples of refusals', () => {
  it('are answers with the code that they stand for', async () => {
    const provoked = await provokedErrors();
    const codes = errorCodes.map(
      (code) => (provoked[code].body as { readonly error: { readonly code: string } }).error.code,
    );
    expect(codes).toEqual(errorCodes);
  });
});
