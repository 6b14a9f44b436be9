import { describe, expect, test } from 'vitest';
import { type Draft, emptyDraft } from './chat-state.ts';
import { choiceOfFunction, noParameters, type ParameterTexts } from './parameters.ts';
import { requestBody } from './request-body.ts';
import { faultOfDraft, fieldOf, panelOf } from './request-fields.ts';
import { exampleTools, type Tool } from './tools.ts';

const tools = exampleTools.map(({ tool }) => tool);

function draftOf(parameters: Partial<ParameterTexts>, change: Partial<Draft> = {}): Draft {
  return { ...emptyDraft, model: 'm', parameters: { ...noParameters, ...parameters }, ...change };
}

const withTools = (all: readonly Tool[]): Partial<Draft> => ({ tools: { all, answersFromMock: false } });

describe('the field that a failure names', () => {
  test.each([
    ['temperature', 'temperature'],
    ['stop[1]', 'stop'],
    ['max_completion_tokens', 'max_tokens'],
    ['logit_bias.42', 'logit_bias'],
    ['response_format', 'response_format'],
    ['response_format.type', 'response_format'],
    ['response_format.json_schema.name', 'response_format.name'],
    ['response_format.json_schema.schema.properties.a', 'response_format.schema'],
    ['tools[0].function.parameters', 'tools.0.parameters'],
    ['tools[1].function.parameters.properties.a.if', 'tools.1.parameters'],
    ['tools[1].function.name', 'tools.1.name'],
    ['tools[1].type', 'tools.1.name'],
    ['tools[7].function.name', 'tools'],
    ['tools', 'tools'],
    ['tool_choice.function.name', 'tool_choice'],
    ['other_fields', 'other_fields'],
    ['nobody_knows.a', 'other_fields'],
    ['messages[2].content', undefined],
    [undefined, undefined],
  ])('%s is %s', (param, field) => {
    expect(fieldOf(param, draftOf({ other_fields: '{"nobody_knows":1}' }, withTools(tools)))).toBe(field);
  });

  test('stands in a panel', () => {
    expect(panelOf('tools.0.name')).toBe('tools');
    expect(panelOf('tool_choice')).toBe('tools');
    expect(panelOf('response_format.schema')).toBe('parameters');
  });
});

describe('the request', () => {
  test('has what is typed, each as its type', () => {
    const draft = draftOf(
      {
        temperature: '0.5',
        seed: 'x',
        stop: 'a\n\nb',
        logit_bias: '{"42":-100}',
        logprobs: 'true',
        store: 'false',
        reasoning_effort: 'low',
        tool_choice: choiceOfFunction('add'),
        metadata: '{"team":"a"}',
        other_fields: '{"top_k":4,"temperature":0.1,"__proto__":{"a":1}}',
      },
      withTools(tools.slice(1)),
    );
    const body = requestBody(draft);
    expect(body).toMatchObject({
      temperature: 0.1,
      seed: 'x',
      stop: ['a', 'b'],
      logit_bias: { 42: -100 },
      logprobs: true,
      store: false,
      reasoning_effort: 'low',
      tool_choice: { type: 'function', function: { name: 'add' } },
      metadata: { team: 'a' },
      top_k: 4,
    });
    expect(body['tools']).toMatchObject([
      { type: 'function', function: { name: 'add', parameters: { type: 'object' } } },
    ]);
    expect(JSON.stringify(body)).toContain('"__proto__":{"a":1}');
  });

  test('of an empty page has nothing that was not asked for', () => {
    expect(requestBody(draftOf({}))).toEqual({ model: 'm', messages: [], stream: true });
  });

  test.each([
    [draftOf({ other_fields: '{"a"' }), 'other_fields'],
    [draftOf({ other_fields: '[1]' }), 'other_fields'],
    [draftOf({ metadata: '{a:1}' }), 'metadata'],
    [draftOf({}, withTools([{ ...(tools[0] as Tool), parameters: '{' }])), 'tools[0].function.parameters'],
    [
      draftOf({}, { format: { ...emptyDraft.format, kind: 'json_schema', schema: '' } }),
      'response_format.json_schema.schema',
    ],
  ])('is not written where a part of it is no JSON (%#)', (draft, param) => {
    expect(faultOfDraft(draft)).toMatchObject({ code: 'invalid_json', param });
  });

  test('leaves out calls that broke off', () => {
    const message = { parentId: null, role: 'assistant' as const, thoughts: '' };
    const broken = [{ id: 'c', name: 'add', arguments: '{"a"' }];
    const facts = { state: 'failed' as const, pieces: 1 };
    const tree = { all: [{ ...message, id: '1', text: 'So', calls: broken, facts }], leafId: '1' };
    expect(requestBody(draftOf({}, { tree }))['messages']).toEqual([{ role: 'assistant', content: 'So' }]);
  });
});
