import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { roundsOf } from '../../../testing/suite-part.ts';
import { excerpt, holdsHidden } from './excerpt.ts';

const hidden = ['sk-secret-1', 'lab.corp:8000'];

describe('the excerpt of an upstream’s message', () => {
  test.each([
    ['ask https://api.example.com/v1 for more', 'ask … for more'],
    ['lab.corp:8000 says no', '… says no'],
    ['key sk-secret-1 is wrong', 'key … is wrong'],
    ['Incorrect API key provided: sk-proj-ab12cd34ef.', 'Incorrect API key provided: …'],
    ['Bearer abc.def is wrong', '… is wrong'],
    ['connect 10.0.0.5:8000 refused', 'connect … refused'],
    ['upstream at node7.cluster.local:9000/x failed', 'upstream at … failed'],
    ['no route to gpu7:8000 from here', 'no route to … from here'],
    ['dial tcp llm_server:8080: refused', 'dial tcp … refused'],
    ['dial tcp [::1]:8000 and fe80::1%eth0 failed', 'dial tcp … and … failed'],
    ['::ffff:10.0.0.1 is not allowed', '… is not allowed'],
    ['connect to gpu-node7.prod.acme.example failed', 'connect to … failed'],
    ['db1.corp.acme.se, vault.acme.com.br and acme.co are down', '…, … and … are down'],
    ['llm_server.default.svc.cluster.test at node_10.3.4.5', '… at node_…'],
    ['no route to ip-10-3-4-5 or gpu.team-a.prod.', 'no route to … or ….'],
    ['ask ops@lab.corp or //gpu7/v1', 'ask … or …'],
    ['two\nlines\u0007', 'two lines'],
    ['max_tokens: 5 is over 4 at messages[0].content', 'max_tokens: 5 is over 4 at messages[0].content'],
    ["field 'api_version' of key_values is unknown", "field 'api_version' of key_values is unknown"],
  ])('%j becomes %j', (message, expected) => {
    expect(excerpt(message, hidden)).toBe(expected);
  });

  test.each([
    'llama-3.1-8b-instruct and gpt-4.1-mini, not claude-3.5-sonnet or qwen2.5-coder:7b',
    'version 1.2.3, v0.6.3.post1 and 2024.10.21 are known',
    'qwen2.5-coder-7b.Q4_K_M.gguf and model.safetensors.index.json were not found',
    'tools.0.custom.input_schema: Extra inputs are not permitted',
    'messages.1.content.0.text: Field required',
    'generation_config.response_schema.properties: wrong type',
    'torch.cuda.OutOfMemoryError, java.lang.NullPointerException',
    'Try again, e.g. with fewer tokens...or later, i.e. never',
  ])('%j is not changed', (message) => {
    expect(excerpt(message, hidden)).toBe(message);
  });

  test('is at most 300 characters, and never half a character', () => {
    const text = excerpt('😀'.repeat(400), []);
    expect(text.length).toBeLessThanOrEqual(300);
    expect(text.isWellFormed()).toBe(true);
    expect(text.endsWith('…')).toBe(true);
  });

  const label = fc.stringMatching(/^[a-z][a-z0-9-]{0,20}[a-z0-9]$/);
  const port = fc.integer({ min: 10, max: 65_535 });
  const words = fc.constantFrom('', 'dial tcp ', 'could not reach (', 'error at\n');
  const address = fc.oneof(
    fc
      .tuple(fc.array(label, { minLength: 1, maxLength: 4 }), port)
      .map(([labels, at]) => `${labels.join('.')}:${at}`),
    fc.ipV4(),
    fc.tuple(fc.ipV4(), port).map(([ip, at]) => `${ip}:${at}`),
    fc.ipV6(),
    fc.tuple(fc.ipV6(), port).map(([ip, at]) => `[${ip}]:${at}`),
  );

  test('has no address, of any form and in any place', () => {
    fc.assert(
      fc.property(
        words,
        address,
        fc.constantFrom('', ' refused', ', retry', ') failed'),
        (before, host, behind) => {
          const text = excerpt(`${before}${host}${behind}`, []);
          expect(text).not.toContain(host);
          // Nor a part of one with more than four characters: a group, a label or a port.
          for (const part of host.split(/[^0-9a-z-]+/i)) {
            if (part.length > 4) expect(text).not.toContain(part);
          }
        },
      ),
      { numRuns: roundsOf(2_000, 400) },
    );
  });
});

test('a hidden text is found in whatever order texts are looked through', () => {
  const hidden = ['gpu7.acme.example'];
  const found = ['fp_1', 'fp_1', 'GPU7.acme.example', 'fp_1', 'at gpu7.acme.example', 'fp_2'].map((text) =>
    holdsHidden(text, hidden),
  );
  expect(found).toEqual([false, false, true, false, true, false]);
  expect(holdsHidden('fp_1', ['fp_1'])).toBe(true);
});
