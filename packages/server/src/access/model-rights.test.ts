import { expect, it } from 'vitest';
import { createModelRights } from './model-rights.ts';

const acme = { id: 'acme/chat', aliases: ['chat', 'default'] };
const other = { id: 'other/big', aliases: [] };
const key = (...models: string[]) => ({ of: 'This key', models });
const owner = (...models: string[]) => ({ of: "The owner 'acme'", models });

it.each<[string, string[], boolean, boolean]>([
  ['its id', ['acme/chat'], true, false],
  ['an alias', ['chat'], true, false],
  ['a pattern', ['acme/*'], true, false],
  ['a pattern for an alias', ['def*'], true, false],
  ['everything', ['*'], true, true],
  ['several', ['x', 'other/big', 'y*'], false, true],
  ['nothing', [], false, false],
  ['another case of letters', ['Acme/chat'], false, false],
  ['a part of its id', ['acme'], false, false],
])('a list with %s', (_, list, mayUseAcme, mayUseOther) => {
  const rights = createModelRights([key(...list)]);
  expect([rights.allows(acme), rights.allows(other)]).toEqual([mayUseAcme, mayUseOther]);
});

it('both lists have to allow a model; the message names the one that does not, and what it allows', () => {
  const rights = createModelRights([key('acme/*', 'other/*'), owner('acme/chat')]);
  expect(rights.refuse(acme, 'chat')).toBeUndefined();
  expect(rights.refuse(other, 'other/big')).toMatchObject({
    code: 'model_not_allowed',
    param: 'model',
    message: expect.stringMatching(
      /^The owner 'acme' may not use the model 'other\/big'. Allowed: acme\/chat\./,
    ),
  });
});

it('without a list every model is allowed', () => {
  expect(createModelRights([]).allows(other)).toBe(true);
  expect(createModelRights([]).refuse(other, 'other/big')).toBeUndefined();
});

it('a message shows twelve entries at most', () => {
  const many = Array.from({ length: 500 }, (_, index) => `m${index}`);
  const message = createModelRights([key(...many)]).refuse(other, 'x'.repeat(10_000))?.message ?? '';
  expect(message).toContain('m11 and 488 more');
  expect(message.length).toBeLessThan(500);
});
