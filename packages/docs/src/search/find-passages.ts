import MiniSearch from 'minisearch';
import type { Passage } from '../reading/doc-page.ts';
import { otherWords } from './other-words.ts';
import { emptyWords, stemOf, wordsOf } from './words.ts';

/** A passage that fits a question; a higher score fits better. */
export interface FoundPassage extends Passage {
  /** Its place in the list of all passages. */
  readonly at: number;
  readonly score: number;
}

/** Finds passages; the page and `?ask=` have the same ranking. */
export interface PassageFinder {
  /**
   * The passages that fit the question best, at most one of each heading and two of each page. `goal`: what the answer is for; it counts less. With `typing`
   * the last word may be the beginning of one.
   */
  find(question: string, options?: FindOptions): readonly FoundPassage[];
}

export interface FindOptions {
  readonly goal?: string | undefined;
  readonly typing?: boolean | undefined;
  readonly most?: number | undefined;
}

/** Where a word stands counts, and how much. */
const boost = { heading: 2.2, title: 1.6, above: 1.2, text: 1 };
const otherWordWeight = 0.5;
const goalWeight = 0.4;
const misspeltWeight = 0.5;
/** The most words of a question that are looked for: nobody asks more, and each one costs time. */
const mostWords = 24;

/**
 * What mentions everything: what is judged, broken on purpose or measured, what other gateways call it, and the examples of pages, which
 * quote and do not say. Asked about by name it comes first all the same.
 */
function standingOf({ slug, headings }: Passage): number {
  if (headings.at(-1) === 'An example') return 0.6;
  if (slug.startsWith('migrate/')) return 0.7;
  return /^(check|wall|performance)$/.test(slug) ? 0.85 : 1;
}

/** A passage that fits less than this share of the best one is no answer; so many are found all the same. */
const leastShare = 0.3;
const sureOnes = 3;
/** So many passages of one page are found: a page that is all about a word would leave no place for the page that explains it. */
const mostOfPage = 2;

/** A word of the question, with what it weighs. */
interface AskedWord {
  readonly stem: string;
  readonly weight: number;
  readonly begins: boolean;
}

export function createFinder(passages: readonly Passage[]): PassageFinder {
  const index = new MiniSearch({
    fields: Object.keys(boost),
    tokenize: wordsOf,
    processTerm: (word) => (emptyWords.has(word) ? undefined : stemOf(word)),
    searchOptions: { boost, bm25: { k: 1.2, b: 0.6, d: 0.5 } },
  });
  index.addAll(
    passages.map(({ title, headings, text }, id) => ({
      ...{ id, title, text },
      heading: headings.at(-1) ?? title,
      above: headings.slice(0, -1).join(' '),
    })),
  );
  const rarity = rarityIn(index, passages.length);
  const standings = passages.map(standingOf);

  /** The scores of one word, by passage: the word itself, else another one of its meaning, else a similar spelling. */
  function scoresOf({ stem, begins }: AskedWord): ReadonlyMap<number, number> {
    const scores = new Map<number, number>();
    const take = (word: string, weight: number, options: object): void => {
      for (const { id, score } of index.search(word, { ...asIs, ...options }))
        scores.set(id as number, Math.max(scores.get(id as number) ?? 0, score * weight));
    };
    take(stem, 1, { prefix: begins && stem.length > 1 });
    for (const other of otherWords(stem)) take(other, otherWordWeight, {});
    if (scores.size === 0 && stem.length > 3) take(stem, misspeltWeight, { fuzzy: 0.25, prefix: true });
    return scores;
  }

  return {
    find(question, { goal = '', typing = false, most = 8 } = {}) {
      const asked = askedWords(question, goal, typing);
      const sums = new Map<number, { score: number; covered: number }>();
      let wanted = 0;
      for (const word of asked) {
        const importance = rarity(word.stem) * word.weight;
        wanted += importance;
        for (const [id, score] of scoresOf(word)) {
          const sum = sums.get(id) ?? { score: 0, covered: 0 };
          sum.score += score * word.weight;
          sum.covered += importance;
          sums.set(id, sum);
        }
      }
      // A passage that has most words of the question is before one that has a single word often.
      const ranked = [...sums]
        .map(([id, { score, covered }]) => ({
          id,
          score: score * (0.3 + covered / wanted) * (standings[id] ?? 1),
        }))
        .toSorted((one, other) => other.score - one.score || one.id - other.id);
      const found: FoundPassage[] = [];
      const places = new Set<string>();
      const ofPages = new Map<string, number>();
      for (const { id, score } of ranked) {
        const passage = passages[id];
        if (passage === undefined || found.length === most) break;
        if (found.length >= sureOnes && score < (found[0]?.score ?? 0) * leastShare) break;
        const place = `${passage.slug}#${passage.anchor}`;
        const ofPage = ofPages.get(passage.slug) ?? 0;
        if (places.has(place) || ofPage === mostOfPage) continue;
        places.add(place);
        ofPages.set(passage.slug, ofPage + 1);
        found.push({ ...passage, at: id, score: Math.round(score * 100) / 100 });
      }
      return found;
    },
  };
}

/** The words are stems already. */
const asIs = { tokenize: (text: string) => [text], processTerm: (term: string) => term };

function askedWords(question: string, goal: string, typing: boolean): readonly AskedWord[] {
  const words = wordsOf(question);
  const full = words.filter((word) => !emptyWords.has(word));
  // "how to use it" has no other words.
  const asked = (full.length === 0 ? words : full).slice(0, mostWords);
  const last = typing && /[\p{L}\p{N}]$/u.test(question) ? asked.length - 1 : -1;
  const seen = new Set<string>();
  const taken: AskedWord[] = [];
  const take = (word: string, weight: number, begins: boolean): void => {
    const stem = begins ? word : stemOf(word);
    if (seen.has(stem)) return;
    seen.add(stem);
    taken.push({ stem, weight, begins });
  };
  asked.forEach((word, at) => {
    take(word, 1, at === last);
  });
  for (const word of wordsOf(goal)
    .filter((one) => !emptyWords.has(one))
    .slice(0, mostWords))
    take(word, goalWeight, false);
  return taken;
}

/** How much it says that a passage has this word: little where most have it. */
function rarityIn(index: MiniSearch, passages: number): (stem: string) => number {
  const known = new Map<string, number>();
  return (stem) => {
    let rarity = known.get(stem);
    if (rarity === undefined) {
      const having = index.search(stem, asIs).length;
      rarity = Math.log(1 + (passages - having + 0.5) / (having + 0.5));
      // Questions bring any number of words.
      if (known.size < 1_000) known.set(stem, rarity);
    }
    return rarity;
  };
}
