import { viewOf } from '../reading/stream-view.ts';
import type { Exchange } from '../wire/exchange.ts';

const length = 6;

/**
 * A stop string that the model will write again: some letters out of the middle of a text that it wrote at temperature 0. It begins inside
 * of one delta and ends in a later one where there is such a place, because this is where servers that search each delta alone miss it.
 */
export function stopString(stream: Exchange | undefined): string | undefined {
  if (stream === undefined) return undefined;
  const { deltas, choices } = viewOf(stream);
  const text = choices[0]?.content ?? '';
  const middle = Math.floor(text.length / 2);
  let at = 0;
  for (const { delta } of deltas) {
    const end = at + (typeof delta['content'] === 'string' ? delta['content'].length : 0);
    const from = end - length / 2;
    const stop = text.slice(from, from + length);
    // Plain letters, and its first occurrence: otherwise the text would end before, and the place would be another one.
    if (from >= middle && stop.length === length && /^[\x20-\x7e]+$/.test(stop) && stop.trim() === stop) {
      if (text.indexOf(stop) === from) return stop;
    }
    at = end;
  }
  return undefined;
}
