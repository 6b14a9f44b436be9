import { describe, expect, test } from 'vitest';
import type { ToolDefinition } from '../../domain/chat-request.ts';
import { parseGbnf, recognise } from '../testing/gbnf.ts';
import {
  compileToolArguments,
  compileToolCalls,
  genericToolCallSyntax,
  type ToolCallsOptions,
} from './compile-tool-calls.ts';

const tools: readonly ToolDefinition[] = [
  {
    name: 'weather',
    parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
    strict: true,
  },
  { name: 'now', parameters: {}, strict: false },
];
const options: ToolCallsOptions = { choice: { type: 'auto' }, parallel: true, syntax: genericToolCallSyntax };

function accepts(more: Partial<ToolCallsOptions> = {}): (text: string) => boolean {
  const compiled = compileToolCalls(tools, { ...options, ...more });
  if (!compiled.ok) throw new Error(compiled.failure.message);
  const grammar = parseGbnf(compiled.value.gbnf);
  return (text) => recognise(grammar, text).accepted;
}

const call = (json: string): string => `<tool_call>\n${json}\n</tool_call>`;
const weather = '{"name": "weather", "arguments": {"city":"Paris"}}';
const now = '{"name": "now", "arguments": {}}';

describe('tool calls', () => {
  test('are one or more, each with the arguments of its tool', () => {
    const accepted = accepts();
    expect([call(weather), call(now), `${call(weather)}\n${call(now)}`].map(accepted)).toEqual([
      true,
      true,
      true,
    ]);
    const wrong = [
      '',
      weather,
      call('{"name": "now", "arguments": {"city":"Paris"}}'),
      call('{"name": "other", "arguments": {}}'),
    ];
    expect(wrong.filter(accepted)).toEqual([]);
  });

  test('are a single call where parallel calls are not allowed', () => {
    const accepted = accepts({ parallel: false });
    expect([call(weather), `${call(weather)}\n${call(now)}`].map(accepted)).toEqual([true, false]);
  });

  test('call only the chosen tool where one is chosen', () => {
    const accepted = accepts({ choice: { type: 'function', name: 'now' } });
    expect([call(now), call(weather)].map(accepted)).toEqual([true, false]);
  });

  test('have the syntax of the options', () => {
    const list = { open: '[TOOL_CALLS][', between: ', ', close: ']', argumentsKey: 'parameters' };
    const accepted = accepts({ syntax: list });
    expect(accepted('[TOOL_CALLS][{"name":"now","parameters":{}}, {"name":"now","parameters":{}}]')).toBe(
      true,
    );
    expect(accepted('[TOOL_CALLS][]')).toBe(false);
  });

  test('are refused at the path of a tool that cannot be enforced or is missing', () => {
    const odd: ToolDefinition = { name: 'odd', parameters: { type: 'object', if: {} }, strict: false };
    expect(compileToolCalls([...tools, odd], options)).toMatchObject({
      failure: { code: 'unsupported_parameter', param: 'tools[2].function.parameters.if' },
    });
    const impossible = { not: {} };
    expect(compileToolArguments(impossible, 'tools[0].function.parameters')).toMatchObject({
      failure: { code: 'invalid_value', param: 'tools[0].function.parameters' },
    });
    expect(compileToolCalls(tools, { ...options, choice: { type: 'function', name: 'x' } })).toMatchObject({
      failure: { code: 'invalid_value', param: 'tool_choice.function.name' },
    });
    expect(compileToolCalls(tools, { ...options, choice: { type: 'none' } }).ok).toBe(false);
  });

  test('share the limits of one request', () => {
    const many = Array.from({ length: 20 }, (_, index): ToolDefinition => {
      const parameters = { type: 'object', properties: { at: { type: 'string', format: 'date-time' } } };
      return { name: `f${index}`, parameters, strict: false };
    });
    const limits = { maxVisits: 50 };
    expect(compileToolCalls(many.slice(0, 5), { ...options, limits }).ok).toBe(true);
    expect(compileToolCalls(many, { ...options, limits })).toMatchObject({
      failure: { code: 'invalid_value' },
    });
  });

  test('a tool with an impossible schema is refused, also beside other tools', () => {
    const impossible: ToolDefinition = { name: 'no', parameters: false, strict: false };
    expect(compileToolCalls([...tools, impossible], options)).toMatchObject({
      failure: { code: 'invalid_value', param: 'tools[2].function.parameters' },
    });
  });
});
