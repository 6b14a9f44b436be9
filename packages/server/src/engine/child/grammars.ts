import type { Internals } from './library-internals.ts';

/** Parsed grammars, a few of them kept: parsing a large one costs milliseconds, cloning its beginning none. */
export interface Grammars {
  /** A state at the beginning of the grammar. Throws where the text is none. */
  begin(gbnf: string): object;
}

const mostKept = 32;

export function createGrammars(
  internals: Pick<Internals, 'parseGrammar' | 'newGrammarState' | 'cloneGrammarState'>,
): Grammars {
  const beginnings = new Map<string, object>();
  return {
    begin(gbnf) {
      const known = beginnings.get(gbnf);
      const beginning = known ?? internals.newGrammarState(internals.parseGrammar(gbnf));
      // Deleting and setting makes it the youngest.
      beginnings.delete(gbnf);
      beginnings.set(gbnf, beginning);
      const [oldest] = beginnings.keys();
      if (beginnings.size > mostKept && oldest !== undefined) beginnings.delete(oldest);
      return internals.cloneGrammarState(beginning);
    },
  };
}
