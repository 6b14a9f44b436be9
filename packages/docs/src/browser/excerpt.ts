import { emptyWords, stemOf, wordsOf } from '../search/words.ts';

export interface ExcerptPart {
  readonly text: string;
  /** A word of the question. */
  readonly isAsked: boolean;
}

const mostLetters = 150;

/** The stretch of a passage that has most words of the question, without marks of Markdown. */
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
  const words = text
    .split(' ')
    .map((word) => ({ word, isAsked: wordsOf(word).some((one) => stems.has(stemOf(one))) }));
  const from = bestStart(words);
  let length = 0;
  const taken = words.slice(from).filter(({ word }) => {
    length += word.length + 1;
    return length <= mostLetters;
  });
  const lead = from === 0 ? [] : [{ text: '… ', isAsked: false }];
  return [...lead, ...taken.map(({ word, isAsked }) => ({ text: `${word} `, isAsked }))];
}

function bestStart(words: readonly { readonly isAsked: boolean }[]): number {
  const window = 22;
  let best = 0;
  let most = 0;
  let count = 0;
  for (let end = 0; end < words.length; end += 1) {
    if (words[end]?.isAsked) count += 1;
    if (words[end - window]?.isAsked) count -= 1;
    if (count <= most) continue;
    most = count;
    best = Math.max(0, end - window + 6);
  }
  return best;
}
