/** Literals and character classes, which are kept, or names of rules, which begin with a letter. */
const piece = /"(?:\\.|[^"\\])*"|\[(?:\\.|[^\]\\])*\]|[A-Za-z][A-Za-z0-9-]*/g;

/** The union of two grammars; each has a rule `root`. */
export function eitherGrammar(first: string, second: string): string {
  return `root ::= a-root | b-root\n${renamed(first, 'a-')}${renamed(second, 'b-')}`;
}

function renamed(gbnf: string, prefix: string): string {
  return gbnf.replace(piece, (found) => (/^[A-Za-z]/.test(found) ? prefix + found : found));
}
