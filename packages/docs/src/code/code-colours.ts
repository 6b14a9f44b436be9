import { createJavaScriptRegexEngine } from '@shikijs/engine-javascript';
import { codeToTokensBase, createShikiPrimitiveAsync } from '@shikijs/primitive';
import { codeLanguage, loadGrammar } from '../../../playground/src/code-text/code-language.ts';
import { kindOf, theme } from '../../../playground/src/code-text/theme.ts';

/** A stretch of a line in one colour. */
export interface ColouredText {
  readonly text: string;
  /** Its class is `code-` and this; undefined: the colour of plain text. */
  readonly kind: string | undefined;
}

export type ColouredLine = readonly ColouredText[];

/** Colours a text by its language; one without a known language is plain. */
export type CodeColours = (text: string, language: string) => Promise<readonly ColouredLine[]>;

/** Languages that models do not write much of, and pages on operation do. */
const more = {
  ini: () => import('@shikijs/langs/ini'),
  nginx: () => import('@shikijs/langs/nginx'),
} as const;

/** The colours of the page of the playground, in the same languages and some more. */
export async function createCodeColours(): Promise<CodeColours> {
  const shiki = await createShikiPrimitiveAsync({
    engine: createJavaScriptRegexEngine({ forgiving: true }),
    langs: [],
    themes: [theme],
  });
  return async (text, language) => {
    const own = Object.hasOwn(more, language) ? (language as keyof typeof more) : undefined;
    const lang = own ?? codeLanguage(language);
    if (lang === undefined) return plainLines(text);
    if (!shiki.getLoadedLanguages().includes(lang))
      await shiki.loadLanguage(
        own === undefined
          ? await loadGrammar(lang as Parameters<typeof loadGrammar>[0])
          : (await more[own]()).default,
      );
    const lines = codeToTokensBase(shiki, text, { lang, theme: theme.name });
    return lines.map((line) => line.map(({ content, color }) => ({ text: content, kind: kindOf(color) })));
  };
}

/** Without colours: the tests of what pages say do not need them. */
export const plainCode: CodeColours = async (text) => plainLines(text);

export function plainLines(text: string): readonly ColouredLine[] {
  return text.split('\n').map((line) => [{ text: line, kind: undefined }]);
}
