/** What names no rule in llama.cpp's notation: literals, classes. Then names, which begin with a letter. */
const piece = /"(?:\\.|[^"\\])*"|\[(?:\\.|[^\]\\])*\]|[A-Za-z][A-Za-z0-9-]*/g;

/** The grammar of whatever one of two grammars allows, each beginning with its rule `root`. */
export function eitherGrammar(first: string, second: string): string {
  return `root ::= a-root | b-root\n${renamed(first, 'a-')}${renamed(second, 'b-')}`;
}

function renamed(gbnf: string, prefix: string): string {
  return gbnf.replace(piece, (found) => (/^[A-Za-z]/.test(found) ? prefix + found : found));
}
