import { useEffect, useState } from 'react';
import type { CodeLanguage } from './code-language.ts';
import { codePieces } from './code-pieces.ts';
import type { CodeLine } from './highlighter.ts';

/** Colours are for reading: longer texts stay plain. */
const maxLength = 50_000;

/**
 * The lines of each piece in colours, as far as there are any yet. They are made after the page has been drawn, and only of a text that
 * does not change any more.
 */
export function useColours(
  text: string,
  language: CodeLanguage | undefined,
  isComplete: boolean,
): readonly (readonly CodeLine[])[] {
  const [colours, setColours] = useState<Coloured>(none);
  const wanted = isComplete && text.length <= maxLength ? language : undefined;
  useEffect(() => {
    const pieces = wanted === undefined ? [] : codePieces(text);
    if (wanted === undefined || pieces.some(({ isCut }) => isCut)) return;
    const leaving = new AbortController();
    const lines: (readonly CodeLine[])[] = [];
    void import('./highlighter.ts')
      .then(({ colourPieces }) =>
        colourPieces(
          pieces.map((piece) => piece.text),
          wanted,
          leaving.signal,
          (at, more) => {
            lines[at] = more;
            setColours({ text, lines: [...lines] });
          },
        ),
      )
      // Without its grammar a text stays plain.
      .catch(() => undefined);
    return () => leaving.abort();
  }, [text, wanted]);
  return colours.text === text ? colours.lines : none.lines;
}

interface Coloured {
  readonly text: string;
  readonly lines: readonly (readonly CodeLine[])[];
}

const none: Coloured = { text: '', lines: [] };
