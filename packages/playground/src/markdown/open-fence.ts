import type { Tokens } from 'marked';

/**
 * Code between fences that has not ended yet. Nothing inside of it is Markdown, so only the lines that are new are looked at: it may grow
 * to any length.
 */
export interface OpenFence {
  /** The code so far, where the text begins with a fence and has no end of it. The text is that of the call before, or longer. */
  read(text: string): Tokens.Code | undefined;
}

export function createOpenFence(): OpenFence {
  let opening: { readonly fence: string; readonly lang: string; readonly length: number } | undefined;
  let scanned = 0;
  let isClosed = false;

  function closes(line: string): boolean {
    const [, run = ''] = /^ {0,3}(`{3,}|~{3,})[ \t]*$/.exec(line) ?? [];
    return run[0] === opening?.fence[0] && run.length >= (opening?.fence.length ?? 0);
  }

  return {
    read(text) {
      if (isClosed) return undefined;
      if (opening === undefined) {
        const [line, fence = '', lang = ''] = /^(`{3,}|~{3,})([^\n]*)\n/.exec(text) ?? [];
        // The name of a language has no backtick: such a line is code in a text.
        if (line === undefined || lang.includes('`')) return undefined;
        opening = { fence, lang: lang.trim(), length: line.length };
        scanned = line.length;
      }
      for (;;) {
        const end = text.indexOf('\n', scanned);
        if (end < 0) break;
        if (closes(text.slice(scanned, end))) {
          isClosed = true;
          return undefined;
        }
        scanned = end + 1;
      }
      // The last line may be the beginning of the end.
      const isEnding = /^ {0,3}[`~]+[ \t]*$/.test(text.slice(scanned, scanned + 80));
      const code = text.slice(opening.length, isEnding ? Math.max(opening.length, scanned - 1) : text.length);
      return { type: 'code', raw: text, lang: opening.lang, text: code };
    },
  };
}
