import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { maxWholeAnswer } from '../../domain/answer-size.ts';
import { answerBounds } from '../http/answer/answer-budget.ts';

const page = readFileSync(new URL('../../../../../docs/upstreams.md', import.meta.url), 'utf8');

test('docs/upstreams.md lists the bounds of an answer with their values', () => {
  const [, bounds = ''] = /^## Bounds$(.*?)^## /ms.exec(page) ?? [];
  const figures = bounds.match(/\d+(?:,\d{3})*/g)?.map((figure) => Number(figure.replaceAll(',', '')));
  expect(figures).toEqual(expect.arrayContaining([maxWholeAnswer, ...Object.values(answerBounds)]));
});
