import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { plainCode } from '../code/code-colours.ts';
import { readSite } from '../read-site.ts';
import type { Passage } from '../reading/doc-page.ts';
import { createFinder, type PassageFinder } from './find-passages.ts';
import { fresh, heldBack, type KnownQuestion, newcomers, operators, tuned } from './testing/questions.ts';

const docs = path.join(import.meta.dirname, '../../../../docs');

describe('a question to the docs', () => {
  let finder: PassageFinder;
  let passages: readonly Passage[];
  beforeAll(async () => {
    passages = (await readSite(docs, plainCode)).pages.flatMap((page) => page.passages);
    finder = createFinder(passages);
  });

  /** Whether one of the first three passages answers it. */
  function isAnswered({ ask, answers }: KnownQuestion): boolean {
    return finder
      .find(ask, { most: 3 })
      .some(
        ({ slug, anchor }) =>
          answers.includes(anchor === '' ? slug : `${slug}#${anchor}`) || answers.includes(`${slug}#*`),
      );
  }

  it.each([
    ['that the ranking was tuned with', tuned],
    ['that were held back', heldBack],
    ['that were written later', fresh],
    ['that operators ask', operators],
    ['that newcomers ask', newcomers],
  ])('has its answer among the first three passages, nine of ten times: those %s', (_those, questions) => {
    const missed = questions.filter((question) => !isAnswered(question)).map(({ ask }) => ask);
    expect(missed.slice(Math.floor(questions.length / 10)), `missed: ${missed.join(' · ')}`).toEqual([]);
  });

  it('is answered by passages that exist', () => {
    const places = new Set(
      passages.flatMap(({ slug, anchor }) => [`${slug}#*`, anchor === '' ? slug : `${slug}#${anchor}`]),
    );
    const lost = [tuned, heldBack, fresh, operators, newcomers]
      .flat()
      .flatMap(({ ask, answers }) =>
        answers.filter((answer) => !places.has(answer)).map((answer) => `${ask} → ${answer}`),
      );
    expect(lost).toEqual([]);
  });

  it('is found with a letter wrong', () => {
    expect(finder.find('systmd')[0]).toMatchObject({ slug: 'operation', anchor: 'systemd' });
  });

  it('has one passage of each heading, the best first', () => {
    const found = finder.find('budget', { most: 8 });
    expect(new Set(found.map(({ slug, anchor }) => `${slug}#${anchor}`)).size).toBe(found.length);
    expect(found.map(({ score }) => score)).toEqual(
      found.map(({ score }) => score).toSorted((a, b) => b - a),
    );
    for (const { at, text } of found) expect(passages[at]?.text).toBe(text);
  });

  it('has the beginning of its last word completed while it is typed', () => {
    expect(finder.find('webho', { typing: true })[0]?.slug).toBe('webhook');
  });

  it.each(['', '?!', 'xyzzyqwrt'])('without a word that stands in the docs has no passages: %j', (ask) => {
    expect(finder.find(ask)).toEqual([]);
  });
});

it('a question has three passages at least, and beyond them those that fit nearly as well as the best one', () => {
  const about = (slug: string, text: string): Passage => ({
    ...{ slug, anchor: '', title: slug, headings: [], text },
  });
  const finder = createFinder([
    about('zebra', 'The zebra, and why a zebra is a zebra.'),
    ...Array.from({ length: 5 }, (_, at) =>
      about(`other-${at}`, `A zebra beside ${'many words '.repeat(60)}`),
    ),
  ]);
  const found = finder.find('zebra');
  expect(found.map(({ slug }) => slug)).toEqual(['zebra', 'other-0', 'other-1']);
  expect(found[2]?.score).toBeLessThan((found[0]?.score ?? 0) * 0.3);
});

it('a goal orders passages that fit a question equally, and brings none before one that fits better', () => {
  const about = (slug: string, text: string): Passage => ({
    slug,
    anchor: '',
    title: slug,
    headings: [],
    text,
  });
  const small = createFinder([
    about('one', 'A zebra beside a lion.'),
    about('two', 'A zebra beside a tiger.'),
    about('three', 'A tiger, a tiger and a tiger.'),
  ]);
  const order = (goal: string): readonly string[] => small.find('zebra', { goal }).map(({ slug }) => slug);
  expect(order('tiger').slice(0, 2)).toEqual(['two', 'one']);
  expect(order('lion').slice(0, 2)).toEqual(['one', 'two']);
});
