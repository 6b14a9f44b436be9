import type { Passage } from './doc-page.ts';

/** A passage is short enough to be quoted whole, and long enough to say something. */
const mostWords = 170;

/** Cuts what stands under one heading into passages, between blocks. `blocks`: the source of each of them. */
export function passagesOf(place: Omit<Passage, 'text'>, blocks: readonly string[]): Passage[] {
  const texts: string[] = [];
  let words = Number.POSITIVE_INFINITY;
  for (const block of joinIntroductions(blocks).flatMap(partsOf)) {
    const more = wordsOf(block);
    if (words + more > mostWords) {
      texts.push(block);
      words = more;
    } else {
      texts.push(`${texts.pop() ?? ''}\n\n${block}`);
      words += more;
    }
  }
  return texts.map((text) => ({ ...place, text }));
}

/** A paragraph that ends with a colon, and the code that it introduces: quoted alone, neither says what it means. */
function joinIntroductions(blocks: readonly string[]): readonly string[] {
  const together: string[] = [];
  let introduction: string | undefined;
  for (const block of blocks.map((one) => one.trim()).filter((one) => one !== '')) {
    if (introduction !== undefined && block.startsWith('```'))
      together[together.length - 1] = `${introduction}\n\n${block}`;
    else together.push(block);
    introduction = !block.startsWith('```') && block.endsWith(':') ? block : undefined;
  }
  return together;
}

/** A long table is cut between its rows, each part with the head; a long list between its points. */
function partsOf(block: string): readonly string[] {
  const text = block.trim();
  if (text === '') return [];
  if (wordsOf(text) <= mostWords) return [text];
  const lines = text.split('\n');
  if (text.startsWith('|')) {
    const [head = '', rule = '', ...rows] = lines;
    return joined(rows, '\n').map((part) => `${head}\n${rule}\n${part}`);
  }
  if (/^([-*]|\d+\.) /.test(text)) return joined(text.split(/\n(?=(?:[-*]|\d+\.) )/), '\n');
  return [text];
}

function joined(pieces: readonly string[], between: string): string[] {
  const parts: string[] = [];
  for (const piece of pieces) {
    const last = parts.at(-1);
    if (last !== undefined && wordsOf(last) + wordsOf(piece) <= mostWords)
      parts[parts.length - 1] = last + between + piece;
    else parts.push(piece);
  }
  return parts;
}

function wordsOf(text: string): number {
  return text.split(/\s+/).length;
}
