// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references of the configuration look like that.
import { expect, it } from 'vitest';
import { interpolate } from './interpolate.ts';

const env = { HOST: 'lab', PORT: '80', EMPTY: '', MONEY: '${HOST}$' };

it.each([
  ['plain', 'plain'],
  ['${HOST}', 'lab'],
  ['http://${HOST}:${PORT}/v1', 'http://lab:80/v1'],
  ['${NONE:-fallback}', 'fallback'],
  ['${NONE:-}', ''],
  ['${EMPTY:-fallback}', 'fallback'],
  ['${EMPTY}', ''],
  ['${HOST:-unused}', 'lab'],
  ['${NONE:-a:-b}', 'a:-b'],
  ['${MONEY}', '${HOST}$'],
  ['$${HOST}', '${HOST}'],
  ['$HOST $5', '$HOST $5'],
])('fills in %s', (text, filled) => {
  expect(interpolate(text, env)).toMatchObject({ text: filled, problems: [] });
});

it('names the variable that is not set', () => {
  expect(interpolate('${HOST} ${NONE}', env).problems).toEqual([
    'the environment variable NONE is not set; set it, or give a default: ${NONE:-default}',
  ]);
});

it.each(['${}', '${1A}', '${A-B}', '${HOST', '${ HOST }'])('refuses the reference %s', (text) => {
  expect(interpolate(text, env).problems).toHaveLength(1);
});

it.each(['${NONE:-${HOST}}', '${HOST:-${NONE}}', '${NONE:-a${HOST}b}', '${NONE:-$${HOST}}'])(
  'refuses %s, for references do not nest',
  (text) => {
    expect(interpolate(text, env).problems).toEqual([expect.stringContaining('references do not nest')]);
  },
);

it('does not find properties that every object inherits', () => {
  expect(interpolate('${constructor}', env).problems).toHaveLength(1);
});

it('lists every variable that a value refers to', () => {
  expect(interpolate('${HOST}:${NONE:-1}', env).names).toEqual(['HOST', 'NONE']);
});
