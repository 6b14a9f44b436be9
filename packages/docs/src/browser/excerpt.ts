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
  const from = bestStart(words.map((one) => one.asked));
  let length = 0;
  const taken = words.slice(from).filter(({ word }) => {
    length += word.length + 1;
    return length <= mostLetters;
  });
  const lead = from === 0 ? [] : [{ text: '… ', isAsked: false }];
  return [...lead, ...taken.map(({ word, isAsked }) => ({ text: `${word} `, isAsked }))];
}

/** Where the first stretch begins that has most of what is asked; a word that comes again adds nothing. `asked`: the stems in each word. */
function bestStart(asked: readonly (readonly string[])[]): number {
  const window = 22;
  const counts = new Map<string, number>();
  let best = 0;
  let most = 0;
  for (let end = 0; end < asked.length; end += 1) {
    for (const stem of asked[end] ?? []) counts.set(stem, (counts.get(stem) ?? 0) + 1);
    for (const stem of asked[end - window] ?? []) {
      const left = (counts.get(stem) ?? 0) - 1;
      if (left > 0) counts.set(stem, left);
      else counts.delete(stem);
    }
    if (counts.size <= most) continue;
    most = counts.size;
    best = Math.max(0, end - window + 6);
  }
  return best;
}
