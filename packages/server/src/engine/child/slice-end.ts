/**
 * The most UTF-16 units that are examined or tokenised without a pause: 3 to 15 ms on a slow core, 40 for spaces only.
 */
export const sliceUnits = 16_384;

/** The most units before the end of a slice in which a place between two words is searched. */
const lookedBack = 2048;
const wordBehind = /[A-Za-z] [A-Za-z]/;

/**
 * The end of the slice of a long text that begins at `from`: between two words where possible. There the tokens of the
 * slices equal those of the whole text, because common tokenizers begin a token with the space. Otherwise at any place
 * that is not inside a character or `uncut`; a word of thousands of letters may then have other tokens, with the same
 * text.
 */
export function sliceEnd(text: string, from: number, uncut: string): number {
  const most = from + sliceUnits;
  if (most >= text.length) return text.length;
  for (let at = most; at > most - lookedBack; at--) {
    if (text.charCodeAt(at) === 0x20 && wordBehind.test(text.slice(at - 1, at + 2))) return at;
  }
  const around = text.slice(most - uncut.length + 1, most + uncut.length - 1).indexOf(uncut);
  if (uncut.length > 1 && around !== -1) return most - uncut.length + 1 + around;
  const unit = text.charCodeAt(most);
  return unit >= 0xdc00 && unit <= 0xdfff ? most - 1 : most;
}
