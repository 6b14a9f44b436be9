import { expect, test } from 'vitest';
import { detectToolSyntax, toolSyntaxes } from './tool-syntax.ts';

test('a model’s own syntax is the one its chat template shows, and the tagged one where it shows none', () => {
  expect(detectToolSyntax(undefined)).toBe('tagged');
  expect(detectToolSyntax('{{ messages }}')).toBe('tagged');
  expect(detectToolSyntax("… '<tool_call>\\n' …")).toBe('tagged');
  expect(detectToolSyntax("… '[TOOL_CALLS][' …")).toBe('list');
  expect(detectToolSyntax("… '[TOOL_CALLS]' + name + '[ARGS]' …")).toBe('tagged');
  expect(detectToolSyntax("… '<|python_tag|>' … '\"parameters\": ' …")).toBe('bare');
});

test('the marker of a syntax is how its calls begin', () => {
  for (const { open, marker } of Object.values(toolSyntaxes)) {
    expect(`${open}{"name": "f"`.startsWith(marker)).toBe(true);
  }
});
