import { expect, test } from 'vitest';
import { toolSyntaxes } from '../between/tool-syntax.ts';
import { createCallFinder } from './call-finder.ts';
import { createCallReader } from './call-reader.ts';

const anywhere = { marker: '<tool_call>', atStart: false, spaceLeaves: false };

/** What is read when a text comes in pieces of so many units. */
function read(text: string, size: number, syntax: keyof typeof toolSyntaxes) {
  const reader = createCallReader(toolSyntaxes[syntax]);
  const calls: { name: string; arguments: string }[] = [];
  let ends = 0;
  for (let from = 0; from < text.length; from += size) {
    for (const part of reader.push(text.slice(from, from + size))) {
      if (part.type === 'call') calls.push({ name: part.name, arguments: '' });
      else if (part.type === 'arguments') {
        const last = calls.at(-1);
        if (last !== undefined) last.arguments += part.text;
      } else ends++;
    }
  }
  expect(ends).toBe(calls.length);
  return calls;
}

test('calls of every syntax are read, wherever they are cut', () => {
  const first = '{"a": "}\\"]{", "b": [1, {"c": {}}]}';
  const second = '{"d": null}';
  const texts = {
    tagged: `<tool_call>\n{"name": "f", "arguments": ${first}}\n</tool_call>\n<tool_call>\n{"name":"g","arguments":${second}}\n</tool_call>`,
    list: `[TOOL_CALLS][{"name": "f", "arguments": ${first}}, {"name":"g","arguments":${second}}]`,
    bare: `{"name": "f", "parameters": ${first}}; {"name":"g","parameters": ${second}}`,
  };
  for (const syntax of ['tagged', 'list', 'bare'] as const) {
    for (let size = 1; size < 40; size++) {
      expect(read(texts[syntax], size, syntax)).toEqual([
        { name: 'f', arguments: first },
        { name: 'g', arguments: second },
      ]);
    }
  }
});

test('arguments leave as they come', () => {
  const reader = createCallReader(toolSyntaxes.tagged);
  expect(reader.push('<tool_call>\n{"name": "f", "arguments": {"a')).toEqual([
    { type: 'call', name: 'f' },
    { type: 'arguments', text: '{"a' },
  ]);
  expect(reader.push('": 1')).toEqual([{ type: 'arguments', text: '": 1' }]);
});

test('the marker is found wherever it is cut, and the text before it leaves without trailing white space', () => {
  const text = 'I call.\n\n<tool_call>\n{';
  for (let first = 0; first <= text.length; first++) {
    for (let second = first; second <= text.length; second++) {
      const finder = createCallFinder(anywhere);
      const pieces = [text.slice(0, first), text.slice(first, second), text.slice(second)];
      let before = '';
      let behind: string | undefined;
      for (const piece of pieces) {
        if (behind !== undefined) {
          behind += piece;
          continue;
        }
        const found = finder.push(piece);
        before += found.text;
        behind = found.behind;
      }
      expect(before).toBe('I call.');
      expect(behind).toBe('\n{');
    }
  }
});

test('text without a marker leaves completely, also the beginning of a marker at its end', () => {
  const finder = createCallFinder(anywhere);
  expect(finder.push('a < b \n <tool').text).toBe('a < b');
  expect(finder.flush()).toBe(' \n <tool');
});

test('a marker that counts only at the start is text later', () => {
  const first = { marker: '{"name": "', atStart: true, spaceLeaves: false };
  const finder = createCallFinder(first);
  expect(finder.push('Look: {"name": "x"').text).toBe('Look: {"name": "x"');
  expect(finder.push(' {"name": "').behind).toBeUndefined();
  expect(createCallFinder(first).push('{"name": "f')).toEqual({ text: '', behind: 'f' });
});

test('white space leaves at once with spaceLeaves, and a marker behind it is found', () => {
  const finder = createCallFinder({ ...anywhere, spaceLeaves: true });
  expect(finder.push('so \n')).toEqual({ text: 'so \n' });
  expect(finder.push('\n<tool_call>x')).toEqual({ text: '\n', behind: 'x' });
  const first = createCallFinder({ marker: '{"name": "', atStart: true, spaceLeaves: true });
  expect(first.push('\n')).toEqual({ text: '\n' });
  expect(first.push('{"name": "f')).toEqual({ text: '', behind: 'f' });
});
