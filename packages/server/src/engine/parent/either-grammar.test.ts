import { expect, test } from 'vitest';
import { eitherGrammar } from './either-grammar.ts';

test('the union has the rules of both grammars, and quoted texts stay unchanged', () => {
  const first = 'root ::= "root \\" r1" r1{1,3}\nr1 ::= [a-z\\x5D] | ""\n';
  const second = 'root ::= "b"? r1\nr1 ::= (root | "\\\\")*\n';
  expect(eitherGrammar(first, second)).toBe(
    'root ::= a-root | b-root\n' +
      'a-root ::= "root \\" r1" a-r1{1,3}\na-r1 ::= [a-z\\x5D] | ""\n' +
      'b-root ::= "b"? b-r1\nb-r1 ::= (b-root | "\\\\")*\n',
  );
});
