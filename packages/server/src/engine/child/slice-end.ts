/**
 * UTF-16 units that are looked at or tokenised without a pause: 3 to 15 ms on a slow core, 40 where they are
 * nothing but spaces.
 */
export const sliceUnits = 16_384;

/** How far back a place between two words is looked for. */
const lookedBack = 2048;
const wordBehind = /[A-Za-z] [A-Za-z]/;

/**
 * Where a slice of a long text ends that begins at `from`. Between two words where it can be: there the tokens of the
 * slices are those of the whole, because every common tokenizer begins a token with the space. Else anywhere but
 * inside a character or `uncut`: one word of thousands of letters may then be written in other tokens than its
 * own, its text is the same.
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
