/*
 * What of a text is compared: its words without their endings. Questions and passages go the same way, so an ending that is cut wrongly
 * is cut wrongly in both.
 */

/** The words of a text, in their order, lower case. An identifier is one word, and each of its parts is another. */
export function wordsOf(text: string): string[] {
  const plain = text
    // Targets of links are not what a passage says.
    .replaceAll(/\]\([^)]*\)/g, ']')
    .replaceAll(/[’']s\b/gi, '')
    .replaceAll(/n[’']t\b/gi, ' not');
  return Array.from(plain.matchAll(/[\p{L}\p{N}]+(?:[_-][\p{L}\p{N}]+)*/gu), ([word]) => word).flatMap(
    (word) => {
      const parts = word.split(/[_-]|(?<=\p{Ll})(?=\p{Lu})/u);
      return (parts.length > 1 ? [word, ...parts] : [word]).map((one) => one.toLowerCase());
    },
  );
}

/** A word without its ending: `closing`, `closes` and `closed` are one. */
export function stemOf(word: string): string {
  if (word.length < 4 || /[\d_-]/.test(word)) return word;
  let stem = word
    .replace(/ies$/, 'y')
    .replace(/(ss|sh|ch|x|z)es$/, '$1')
    .replace(/(?<![su])s$/, '');
  stem = shorter(stem, /(?:ing|ed)ly$|ing$|ed$|ly$|ment$|ness$/);
  stem = shorter(stem, /er$|or$/);
  stem = shorter(stem, /ion$/);
  stem = stem.length > 4 ? shorter(stem, /e$/) : stem;
  stem = shorter(stem, /at$/);
  return stem.replace(/([b-df-hj-np-tv-xz])\1$/, '$1').replace(/i$/, 'y');
}

/** Without an ending, where what stays is still a word. */
function shorter(word: string, ending: RegExp): string {
  const stem = word.replace(ending, '');
  return stem.length >= 3 && /[aeiouy]/.test(stem) ? stem : word;
}

const empty =
  'a about after again all also another am an and any are as at be because been but by can could did do does for from get gets give got had happen happens has have how i if in into is it its just like make me mean means middle much my need never not of on or our should so some something take takes tell tells than that the their them then there these they this to too turn turned turning up us use want was we were what when where which while who why will with would you your';

/** Words that say nothing of what is asked. */
export const emptyWords: ReadonlySet<string> = new Set(empty.split(' '));
