/**
 * A text that comes in one piece is emitted in events of at most this size, in UTF-16 units before escaping: clients limit
 * events.
 */
export const maxSlice = 64 * 1024;

/** Slices of a text, each of at most {@link maxSlice} units; none ends between the halves of a surrogate pair, none is empty. */
export function slicesOf(text: string): Iterable<string> {
  // A generator costs more than the rest of a short delta.
  if (text.length <= maxSlice) return text === '' ? [] : [text];
  return longSlices(text);
}

function* longSlices(text: string): Generator<string> {
  let from = 0;
  while (text.length - from > maxSlice) {
    const last = text.charCodeAt(from + maxSlice - 1);
    const to = from + maxSlice - (last >= 0xd800 && last <= 0xdbff ? 1 : 0);
    yield text.slice(from, to);
    from = to;
  }
  if (from < text.length) yield text.slice(from);
}
