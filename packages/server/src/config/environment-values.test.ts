// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references of the configuration look like that.
import { expect, it } from 'vitest';
import { createEnvironmentValues } from './environment-values.ts';

const env = { CA: '/secret/ca.pem', LONGER: '/secret/ca.pem.old', PORT: '7245', OTHER: 'not-referred-to' };
const { withNames } = createEnvironmentValues(
  env,
  () => ['CA', 'LONGER', 'PORT', 'NONE'],
  () => [],
);

it.each([
  ['ca_file: ENOENT, open /secret/ca.pem', 'ca_file: ENOENT, open ${CA}'],
  ['open /secret/ca.pem.old', 'open ${LONGER}'],
  ['open "\\/secret\\/ca.pem"', 'open "${CA}"'],
  ['port 7245 is in use', 'port 7245 is in use'],
  ['not-referred-to', 'not-referred-to'],
])('shows %s as %s', (text, shown) => {
  expect(withNames(text)).toBe(shown);
});
