// Structured output with the schemas of a real library.

import { expect, test } from 'vitest';
import { responseFormat, StructuredOutputError } from '../../packages/client/src/index.ts';
import { scriptedClient } from '../../packages/client/src/testing/scripted-client.ts';
import { zodCity, zodCityJsonSchema } from './drivers/zod-schemas.mjs';

const format = responseFormat('city', zodCity, { jsonSchema: zodCityJsonSchema });
const request = { model: 'm', messages: [], response_format: format };

test('a schema of zod validates what was parsed, and fills in what is its own', async () => {
  const { client, requests } = scriptedClient({ content: '{"name":"Paris"}' });
  const completion = await client.chat.completions.parse(request);
  expect(completion.choices[0]?.message.parsed).toEqual({ name: 'Paris', size: 5 });
  expect(requests[0]).toMatchObject({
    response_format: { json_schema: { schema: { type: 'object', additionalProperties: false } } },
  });
});

test('its issues are those of the error, in a stream too', async () => {
  const { client } = scriptedClient({ content: '{"name":1,"size":0}' });
  const stream = await client.chat.completions.create({ ...request, stream: true });
  const error = await stream
    .partial(zodCity)
    .final()
    .catch((one: unknown) => one);
  expect(error).toBeInstanceOf(StructuredOutputError);
  expect((error as StructuredOutputError).issues.map(({ path }) => path)).toEqual([['name'], ['size']]);
});
