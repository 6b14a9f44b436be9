import { expect, test } from 'vitest';
import { detectToolSyntax, toolSyntaxes } from './tool-syntax.ts';

test('a model has the syntax whose marker its chat template contains, else the tagged one', () => {
  expect(detectToolSyntax(undefined)).toBe('tagged');
  expect(detectToolSyntax('{{ messages }}')).toBe('tagged');
  expect(detectToolSyntax("… '<tool_call>\\n' …")).toBe('tagged');
  expect(detectToolSyntax("… '[TOOL_CALLS][' …")).toBe('list');
  expect(detectToolSyntax("… '[TOOL_CALLS]' + name + '[ARGS]' …")).toBe('tagged');
  expect(detectToolSyntax("… '<|python_tag|>' … '\"parameters\": ' …")).toBe('bare');
});

test('the calls of a syntax begin with its marker', () => {
  for (const { open, marker } of Object.values(toolSyntaxes)) {
    expect(`${open}{"name": "f"`.startsWith(marker)).toBe(true);
  }
});
