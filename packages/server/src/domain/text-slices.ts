/** What comes whole leaves in events of a size that clients bear; in UTF-16 units, before it is escaped. */
export const maxSlice = 64 * 1024;

/** A text in slices of at most {@link maxSlice} units, none of which ends inside a character; a short one as it is. */
export function* slicesOf(text: string): Generator<string> {
  let from = 0;
  while (text.length - from > maxSlice) {
    const last = text.charCodeAt(from + maxSlice - 1);
    const to = from + maxSlice - (last >= 0xd800 && last <= 0xdbff ? 1 : 0);
    yield text.slice(from, to);
    from = to;
  }
  if (from < text.length) yield text.slice(from);
}
