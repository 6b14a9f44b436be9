import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { pathInRequest } from './request-path.ts';

const request = {
  model: 'm',
  messages: [
    { role: 'user', content: 'hello' },
    { role: 'user', content: [{ type: 'text', text: 'x' }] },
  ],
  tools: [{ type: 'function', function: { name: 'f', parameters: { properties: { city: {} } } } }],
  max_completion_tokens: 5,
  seed: 3,
  top_k: 4,
  logit_bias: { '50256': 1 },
};

describe('the path that an upstream names', () => {
  test.each([
    ['messages[1].content', 'messages[1].content'],
    ['messages.1.content[0].text', 'messages[1].content[0].text'],
    ['body.messages[0].role', 'messages[0].role'],
    ['body.top_k', 'top_k'],
    ['tools[0].function.parameters.properties.city', 'tools[0].function.parameters.properties.city'],
    ['logit_bias.50256', 'logit_bias.50256'],
    ['max_tokens', 'max_completion_tokens'],
    ['random_seed', 'seed'],
    ['messages[0].name', 'messages[0].name'],
    ['temperature', 'temperature'],
    ['model', 'model'],
  ])('%s becomes %s', (path, inRequest) => {
    expect(pathInRequest(path, request)).toBe(inRequest);
  });

  test.each([
    'sk-secret-1',
    'my_secret_plan',
    'body.lab_corp',
    'messages[2].content',
    'messages[0].secret',
    'messages[0].name.content',
    'messages[0].content.text',
    'messages[0].content[0]',
    'messages.role',
    'messages[0]role',
    'messages[0] .role',
    'messages..0',
    '.model',
    'model.',
    'model[0]',
    'stream_options',
    'stream',
    'metadata.plan',
    'temperature[0]',
    'toString',
    '__proto__',
    'constructor',
    '',
    'a'.repeat(10_000),
    `model${'[0]'.repeat(200)}`,
  ])('%s is no path of this request', (path) => {
    expect(pathInRequest(path, request)).toBeUndefined();
  });

  test('keeps the name of a field that the caller has sent', () => {
    expect(pathInRequest('stream_options.include_usage', { stream_options: {} })).toBe(
      'stream_options.include_usage',
    );
    expect(pathInRequest('max_tokens', { max_tokens: 1, max_completion_tokens: 2 })).toBe('max_tokens');
    expect(pathInRequest('max_tokens', {})).toBe('max_tokens');
    expect(pathInRequest('body.x', { body: { x: 1 } })).toBe('body.x');
  });

  test('has only names of the request and of the protocol', () => {
    const names = fc.constantFrom(
      'messages',
      '0',
      '1',
      'content',
      'SECRET',
      'role',
      'text',
      'tools',
      'function',
    );
    const paths = fc.array(fc.tuple(fc.constantFrom('.', '[', '', ']', '].'), names));
    fc.assert(
      fc.property(paths, (parts) => {
        const path = parts.map(([mark, name]) => `${mark}${name}`).join('');
        expect(pathInRequest(path, request) ?? '').not.toContain('SECRET');
      }),
    );
  });
});
