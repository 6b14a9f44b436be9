import { createJavaScriptRegexEngine } from '@shikijs/engine-javascript';
import { codeToTokensBase, createShikiPrimitiveAsync, getLastGrammarState } from '@shikijs/primitive';
import { type CodeLanguage, loadGrammar } from './code-language.ts';
import { kindOf, theme } from './theme.ts';

/** A stretch of code in one colour. */
export interface CodeToken {
  readonly text: string;
  /** Its class is `code-` and this. */
  readonly kind: string | undefined;
}

export type CodeLine = readonly CodeToken[];

const highlighter = createShikiPrimitiveAsync({
  engine: createJavaScriptRegexEngine({ forgiving: true }),
  langs: [],
  themes: [theme],
});

/** Beyond this length a line stays plain: generated code has such ones. */
const maxLineLength = 1_000;
/** A line that takes longer keeps the colour that it has there to its end. The first one has its expressions compiled. */
const maxLineMs = 500;

/**
 * Colours one piece after the other, each as the continuation of the one before. `take` gets the lines of a piece; between two pieces the
 * page may draw. Resolves at the end, or when `signal` has ended it.
 */
export async function colourPieces(
  pieces: readonly string[],
  language: CodeLanguage,
  signal: AbortSignal,
  take: (at: number, lines: readonly CodeLine[]) => void,
): Promise<void> {
  const shiki = await highlighter;
  if (!shiki.getLoadedLanguages().includes(language)) await shiki.loadLanguage(await loadGrammar(language));
  let grammarState: ReturnType<typeof getLastGrammarState> | undefined;
  for (const [at, piece] of pieces.entries()) {
    if (signal.aborted) return;
    const lines = codeToTokensBase(shiki, piece, {
      lang: language,
      theme: theme.name,
      tokenizeMaxLineLength: maxLineLength,
      tokenizeTimeLimit: maxLineMs,
      ...(grammarState === undefined ? {} : { grammarState }),
    });
    grammarState = getLastGrammarState(shiki, lines);
    take(
      at,
      lines.map((line) => line.map(({ content, color }) => ({ text: content, kind: kindOf(color) }))),
    );
    await new Promise((resolve) => setTimeout(resolve));
  }
}
