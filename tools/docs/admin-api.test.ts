import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { adminOperations } from '../openapi/admin-operations.ts';
import { root } from '../run.ts';

const page = readFileSync(path.join(root, 'docs/admin-api.md'), 'utf8');
const programs = Array.from(page.matchAll(/^```sh\n(.*?)^```/gms), ([, text = '']) =>
  text.replaceAll('\\\n', ' '),
).join('');

/** The calls of the page, as method and path. */
const calls = Array.from(programs.matchAll(/\bcurl (.*)$/gm), ([, words = '']) => {
  const [, at = ''] = /http:\/\/127\.0\.0\.1:7245(\/[^"?\s]*)/.exec(words) ?? [];
  const [, method = / -d /.test(words) ? 'POST' : 'GET'] = /-X (\w+)/.exec(words) ?? [];
  return `${method} ${at.replace(/\$\w+|initech/, '{id}')}`;
});

describe('docs/admin-api.md', () => {
  const led = ['GET /admin/v1/session/oidc', 'GET /admin/v1/session/oidc/callback'];

  it.each(Object.keys(adminOperations).filter((place) => !led.includes(place)))(
    'has a call of %s',
    (place) => {
      expect(calls).toContain(place);
    },
  );
});
