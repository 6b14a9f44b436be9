import { describe, expect, test } from 'vitest';
import { toolSyntaxes } from '../between/tool-syntax.ts';
import type { AnswerPiece } from './answer-piece.ts';
import { type AnswerReaderOptions, createAnswerReader } from './answer-reader.ts';

const encoder = new TextEncoder();
const tags = [{ open: '<think>', close: '</think>' }];

function reader(options: Partial<AnswerReaderOptions> = {}) {
  return createAnswerReader({
    shape: { type: 'text' },
    syntax: toolSyntaxes.tagged,
    tags,
    opened: undefined,
    stop: [],
    continued: false,
    constrain: () => true,
    ...options,
  });
}

/** Reads tokens given as text, each with a logprob that names it. */
function read(tokens: readonly string[], options: Partial<AnswerReaderOptions> = {}) {
  const answer = reader(options);
  const said: AnswerPiece[] = [];
  for (const token of tokens) {
    const bytes = [...encoder.encode(token)];
    const reading = answer.push(Uint8Array.from(bytes), { token, logprob: -1, bytes, top_logprobs: [] });
    said.push(...reading.said);
    if (reading.stopped) return { answer, said, stopped: true };
  }
  const rest = answer.flush();
  said.push(...rest.said);
  return { answer, said, stopped: rest.stopped };
}

const sum = (said: readonly AnswerPiece[]): number =>
  said.reduce((total, piece) => total + ('tokens' in piece ? piece.tokens : 0), 0);
const entries = (said: readonly AnswerPiece[]): string[] =>
  said.flatMap((piece) => (piece.type === 'text' ? (piece.logprobs ?? []).map(({ token }) => token) : []));

describe('answer reader', () => {
  test('every token is counted once, with the text in which its last character leaves', () => {
    const { said } = read(['ab', 'c', 'd', 'e'], { stop: ['cdx'] });
    expect(said).toMatchObject([
      { type: 'text', text: 'ab', tokens: 1 },
      { type: 'text', text: 'cde', tokens: 3 },
    ]);
    expect(entries(said)).toEqual(['ab', 'c', 'd', 'e']);
  });

  test('a token of a character that stays incomplete is reported by its bytes', () => {
    const answer = reader({ tags: [] });
    const logprob = (token: string, bytes: number[]) => ({ token, logprob: -1, bytes, top_logprobs: [] });
    answer.push(encoder.encode('ab'), logprob('ab', [0x61, 0x62]));
    const half = answer.push(Uint8Array.of(0xf0, 0x9f), logprob('half', [0xf0, 0x9f]));
    expect(half.said).toEqual([]);
    const { said } = answer.flush();
    expect(said).toMatchObject([{ type: 'text', text: '', tokens: 1 }]);
    expect(entries(said)).toEqual(['half']);
    const whole = reader();
    whole.push(Uint8Array.of(0xf0, 0x9f), logprob('half', [0xf0, 0x9f]));
    expect(entries(whole.flush().said)).toEqual(['half']);
    const thinking = reader({ opened: tags[0] });
    thinking.push(Uint8Array.of(0xf0, 0x9f), logprob('half', [0xf0, 0x9f]));
    expect(entries(thinking.flush().said)).toEqual([]);
    // Without logprobs there is nothing to tell.
    const silent = reader({ tags: [] });
    silent.push(Uint8Array.of(0xf0, 0x9f), undefined);
    expect(silent.flush().said).toEqual([]);
  });

  test('a token of which a part is held is not counted before that part has left', () => {
    const answer = reader({ stop: ['bx'] });
    expect(answer.push(encoder.encode('ab'), undefined).said).toEqual([
      { type: 'text', text: 'a', tokens: 0 },
    ]);
    expect(answer.push(encoder.encode('c'), undefined).said).toEqual([
      { type: 'text', text: 'bc', tokens: 2 },
    ]);
  });

  test.each([
    [['ab', 'cS', 'TOP'], 'abc', ['ab', 'cS']],
    [['abS', 'T', 'OPxy'], 'ab', ['abS']],
    [['ab', 'S', 'TO', 'P'], 'ab', ['ab']],
    [['abSTOPc'], 'ab', ['abSTOPc']],
    [['STOP'], '', []],
  ])(
    'of the tokens of a stop string only one that has text before it is reported: %j',
    (pieces, text, told) => {
      for (const shape of [{ type: 'text' }, { type: 'calls', gbnf: 'g', forced: false }] as const) {
        const { said, stopped } = read(pieces, { stop: ['STOP'], shape });
        expect(stopped).toBe(true);
        expect(said.map((piece) => (piece.type === 'text' ? piece.text : '')).join('')).toBe(text);
        expect(entries(said)).toEqual(told);
        expect(sum(said)).toBe(told.length);
      }
    },
  );

  test('a stop string that the token limit cuts is text, one that was only held back ends the answer', () => {
    expect(read(['a', 'ST'], { stop: ['STOP'] })).toMatchObject({
      stopped: false,
      said: [{ text: 'a' }, { text: 'ST' }],
    });
    const shape = { type: 'calls', gbnf: 'g', forced: false } as const;
    const held = read(['Well', '<tool'], { stop: ['<tool'], shape });
    expect(held.stopped).toBe(true);
    expect(held.said.map((piece) => (piece.type === 'text' ? piece.text : '')).join('')).toBe('Well');
  });

  test.each([
    [['Hi', '\n', '\n', 'there'], '\n\n', 'Hi', 3],
    [['Hi ', ' ', 'there'], '  ', 'Hi', 2],
    [['\n', 'Hi'], '\n', '', 1],
    [[' ', '\n', 'Hi'], '\n', ' ', 2],
  ])('a stop string of white space is found with its last token: %j, %j', (pieces, stop, text, used) => {
    for (const shape of [{ type: 'text' }, { type: 'calls', gbnf: 'g', forced: false }] as const) {
      const answer = reader({ stop: [stop], shape });
      const said: string[] = [];
      let count = 0;
      for (const piece of pieces) {
        const reading = answer.push(encoder.encode(piece), undefined);
        said.push(...reading.said.map((part) => ('text' in part ? part.text : '')));
        count++;
        if (reading.stopped) break;
      }
      expect(count).toBe(used);
      expect(said.join('')).toBe(text);
    }
  });

  test('white space without a stop string may stand before a thought', () => {
    const { said } = read(['\n', '<think>', 'so', '</think>', '\n\n', 'Hi'], { stop: ['\n\n'] });
    expect(said).toMatchObject([
      { type: 'reasoning', text: 'so' },
      { type: 'text', text: 'Hi' },
    ]);
  });

  test('tokens that are parts of one character are counted with the character', () => {
    const bytes = encoder.encode('😀');
    const answer = reader();
    expect(answer.push(bytes.subarray(0, 2), undefined).said).toEqual([]);
    expect(answer.push(bytes.subarray(2), undefined).said).toEqual([{ type: 'text', text: '😀', tokens: 2 }]);
  });

  test('thoughts are counted as such, tags included, and have no logprobs among the answer’s', () => {
    const { answer, said } = read(['<think>', 'hm', '</think>', '\n\n', 'So', '.']);
    expect(said).toMatchObject([
      { type: 'reasoning', text: 'hm' },
      { type: 'text', text: 'So' },
      { type: 'text', text: '.' },
    ]);
    expect(answer.reasoningTokens()).toBe(3);
    expect(sum(said)).toBe(6);
    expect(entries(said).slice(-2)).toEqual(['So', '.']);
    expect(entries(said)).not.toContain('hm');
  });

  test('a stop string in thoughts or in a call does not end the answer', () => {
    const call = ['<tool_call>', '\n{"name": "f", "arguments": {"a": "x"}}', '\n</tool_call>'];
    const { said, stopped } = read(['<think>', 'x', '</think>', ...call], {
      stop: ['x'],
      shape: { type: 'calls', gbnf: 'g', forced: false },
    });
    expect(stopped).toBe(false);
    expect(said).toMatchObject([
      { type: 'reasoning', text: 'x' },
      { type: 'call', index: 0, name: 'f' },
      { type: 'arguments', index: 0, text: '{"a": "x"}' },
    ]);
  });

  test('the grammar applies behind the marker, also to the text in the same token', () => {
    const seen: string[] = [];
    const shape = { type: 'calls', gbnf: 'g', forced: false } as const;
    const { said } = read(['Well', '. <tool', '_call>{', '"name":"f","arguments":{}}'], {
      shape,
      constrain: (written) => {
        seen.push(written);
        return written.startsWith('<tool_call>\n');
      },
    });
    expect(seen).toEqual(['<tool_call>{', '<tool_call>\n{']);
    expect(said).toMatchObject([
      { type: 'text', text: 'Well' },
      { type: 'text', text: '.' },
      { type: 'call', name: 'f' },
      { type: 'arguments', text: '{}' },
    ]);
  });

  test('a marker whose continuation the grammar does not allow is text, and no text is lost', () => {
    const { said, answer } = read(['<tool_call>', 'oops', ' really'], {
      shape: { type: 'calls', gbnf: 'g', forced: false },
      constrain: () => false,
    });
    expect(said.map((piece) => (piece.type === 'text' ? piece.text : '')).join('')).toBe(
      '<tool_call>oops really',
    );
    expect(answer.calls()).toBe(0);
  });

  test.each([
    [['so', '</think>', '{}'], ['']],
    [['so', '</think>{', '}'], ['{']],
  ])('where the template opened a thought the grammar rules from its end on: %j', (pieces, begun) => {
    const seen: string[] = [];
    const { said } = read(pieces, {
      shape: { type: 'grammar', gbnf: 'g' },
      opened: tags[0],
      constrain: (written) => {
        seen.push(written);
        return true;
      },
    });
    expect(seen).toEqual(begun);
    expect(said[0]).toMatchObject({ type: 'reasoning', text: 'so' });
    expect(said.map((piece) => (piece.type === 'text' ? piece.text : '')).join('')).toBe('{}');
  });

  test('text behind the closing tag in one token that the grammar does not allow is dropped, and the grammar begins', () => {
    const seen: string[] = [];
    const { said } = read(['so', '</think>Sure', '{}'], {
      shape: { type: 'grammar', gbnf: 'g' },
      opened: tags[0],
      constrain: (written) => {
        seen.push(written);
        return written === '';
      },
    });
    expect(seen).toEqual(['Sure', '']);
    expect(said.map((piece) => (piece.type === 'text' ? piece.text : '')).join('')).toBe('{}');
    expect(entries(said)).toEqual(['{}']);
  });

  test.each([
    [['{', '"a":', '1}'], '{"a":1}', 0],
    [['[', '"TOOL"', ']'], '["TOOL"]', 0],
    [['<tool', '_call>', '\n{"name":"f",', '"arguments":{}}', '\n</tool_call>'], '', 1],
  ])('where the grammar allows JSON or calls, the beginning of %j decides', (pieces, text, calls) => {
    const { said, answer } = read(pieces, {
      shape: { type: 'json-or-calls', gbnf: 'g' },
      constrain: () => {
        throw new Error('the grammar rules already');
      },
    });
    expect(said.map((piece) => (piece.type === 'text' ? piece.text : '')).join('')).toBe(text);
    expect(answer.calls()).toBe(calls);
    expect(answer.owes()).toBe(false);
  });

  test('a grammar also applies behind thoughts that the prompt opened', () => {
    const seen: string[] = [];
    const { said, answer } = read(['so', '</think>', '\n\n', '<tool_call>', '{"name":"f","arguments":{}}'], {
      shape: { type: 'json-or-calls', gbnf: 'g' },
      opened: tags[0],
      constrain: (written) => {
        seen.push(written);
        return true;
      },
    });
    expect(seen).toEqual(['']);
    expect(said[0]).toMatchObject({ type: 'reasoning', text: 'so' });
    expect(answer.calls()).toBe(1);
  });

  test('a call that repeats an earlier one ends the answer before it', () => {
    const once = '{"name":"f","arguments":{"a":1}}';
    const { said, stopped } = read([once, '</tool_call><tool_call>', once, '</tool_call><tool_call>', once], {
      shape: { type: 'calls', gbnf: 'g', forced: true },
    });
    expect(stopped).toBe(true);
    expect(said).toEqual([
      { type: 'call', index: 0, name: 'f' },
      { type: 'arguments', index: 0, text: '{"a":1}' },
    ]);
    const cut = read([once, '{"name":"f","arguments":{"a"'], {
      shape: { type: 'calls', gbnf: 'g', forced: true },
    });
    expect(cut.stopped).toBe(false);
    expect(cut.said.slice(2)).toEqual([
      { type: 'call', index: 1, name: 'f' },
      { type: 'arguments', index: 1, text: '{"a"' },
    ]);
  });

  test('a continued answer has no thoughts: a tag is text', () => {
    const { said } = read(['<think>', 'x'], { continued: true });
    expect(said.every((piece) => piece.type === 'text')).toBe(true);
  });
});
