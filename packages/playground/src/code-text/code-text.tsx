import { Fragment, memo, type ReactNode } from 'react';
import type { CodeLanguage } from './code-language.ts';
import { codePieces } from './code-pieces.ts';
import './code-text.css';
import type { CodeLine } from './highlighter.ts';
import { useColours } from './use-colours.ts';

interface CodeTextProps {
  readonly text: string;
  /** Undefined: it stays plain. */
  readonly language: CodeLanguage | undefined;
  /** A text that still grows stays plain until it is complete. */
  readonly isComplete: boolean;
  /** Its lines are broken where they are wider than the page. */
  readonly isWrapped?: boolean;
}

/** A program or data, in colours where its language is known. */
export function CodeText({ text, language, isComplete, isWrapped = false }: CodeTextProps): ReactNode {
  const pieces = codePieces(text);
  const colours = useColours(text, language, isComplete);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: wide code scrolls, also by keyboard.
    <pre tabIndex={0} className={isWrapped ? 'wrapped' : undefined}>
      <code>
        {pieces.length === 1 ? (
          <Piece text={text} lines={colours[0]} />
        ) : (
          pieces.map((piece, at) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: pieces are only appended.
            <span key={at} className="code-piece">
              <Piece text={piece.text} lines={colours[at]} />
            </span>
          ))
        )}
      </code>
    </pre>
  );
}

const Piece = memo(function Piece({
  text,
  lines,
}: {
  text: string;
  lines: readonly CodeLine[] | undefined;
}): ReactNode {
  if (lines === undefined) return text;
  return lines.map((line, at) => (
    // biome-ignore lint/suspicious/noArrayIndexKey: the lines of a text that does not change.
    <Fragment key={at}>
      {at > 0 && '\n'}
      {line.map(({ text: part, kind }, place) =>
        kind === undefined ? (
          part
        ) : (
          // biome-ignore lint/suspicious/noArrayIndexKey: see above.
          <span key={place} className={`code-${kind}`}>
            {part}
          </span>
        ),
      )}
    </Fragment>
  ));
});
