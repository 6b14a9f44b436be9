import type { Internals } from './library-internals.ts';

/** A few parsed grammars: parsing a large one takes milliseconds, cloning its initial state almost no time. */
export interface Grammars {
  /** The initial state of a grammar. Throws where the text is not a grammar. */
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
      // Deleting and setting again moves the entry to the end: it is the last to be removed.
      beginnings.delete(gbnf);
      beginnings.set(gbnf, beginning);
      const [oldest] = beginnings.keys();
      if (beginnings.size > mostKept && oldest !== undefined) beginnings.delete(oldest);
      return internals.cloneGrammarState(beginning);
    },
  };
}
