import { emptyWords, stemOf, wordsOf } from '../search/words.ts';

export interface ExcerptPart {
  readonly text: string;
  /** A word of the question. */
  readonly isAsked: boolean;
}

const mostLetters = 150;

/** The stretch of a passage that has most words of the question, each counted once, without marks of Markdown. */
export function excerptOf(markdown: string, asked: string): readonly ExcerptPart[] {
  const text = markdown
    .replaceAll(/^```.*$/gm, ' ')
    // What a table is about stands in its rows.
    .replaceAll(/^\|.*\|\n\|[\s:|-]+\|$/gm, ' ')
    .replaceAll(/^\| | \|$/gm, ' ')
    .replaceAll(/ \| /g, ' · ')
    .replaceAll(/^\s*(?:[-*+]|\d+\.) /gm, '')
    .replaceAll(/^\s*<!--.*-->$/gm, ' ')
    .replaceAll(/!?\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replaceAll(/[*`]+|(?<!\\)\|/g, '')
    .replaceAll('\\|', '|')
    .replaceAll(/\s+/g, ' ')
    .trim();
  const stems = new Set(
    wordsOf(asked)
      .filter((word) => !emptyWords.has(word))
      .map(stemOf),
  );
  const words = text.split(' ').map((word) => {
    const asked = wordsOf(word)
      .map(stemOf)
      .filter((stem) => stems.has(stem));
    return { word, asked, isAsked: asked.length > 0 };
  });
  const from = bestStart(words);
  let length = 0;
  const taken = words.slice(from).filter(({ word }) => {
    length += word.length + 1;
    return length <= mostLetters;
  });
  const beginning = from === 0 ? [] : [{ text: '… ', isAsked: false }];
  return [...beginning, ...taken.map(({ word, isAsked }) => ({ text: `${word} `, isAsked }))];
}

/** So many words stand before the first one that is asked for. */
const lead = 4;

/**
 * Where an excerpt begins: a little before what is asked, in the first stretch of its length that has most of it. A word that comes again
 * adds nothing.
 */
function bestStart(words: readonly { readonly word: string; readonly asked: readonly string[] }[]): number {
  let [best, most, from, length] = [0, 0, 0, 0];
  for (const [end, { word }] of words.entries()) {
    length += word.length + 1;
    while (length > mostLetters && from < end) {
      length -= (words[from]?.word.length ?? 0) + 1;
      from += 1;
    }
    const stretch = words.slice(from, end + 1);
    const count = new Set(stretch.flatMap(({ asked }) => asked)).size;
    if (count <= most) continue;
    most = count;
    const first = from + stretch.findIndex(({ asked }) => asked.length > 0);
    best = from === 0 ? 0 : Math.max(from, first - lead);
  }
  return best;
}
