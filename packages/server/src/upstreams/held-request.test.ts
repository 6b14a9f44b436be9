import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { pullOnce } from '../domain/batches.ts';
import type { ChatRequest } from '../domain/chat-request.ts';
import type { JsonValue } from '../domain/json.ts';
import { chunked, type FakeOrigin, startFakeOrigin } from '../transport/fake-origin.ts';
import { decodeChatRequest } from '../wire/chat/decode-request.ts';
import type { EventStream } from './contract.ts';
import { type CreatedUpstreams, createUpstreams } from './registry.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const data = (value: unknown) => `data: ${JSON.stringify(value)}\n\n`;
/** The beginning of an answer of each kind, with one output. */
const begun = {
  openai: data({ choices: [{ index: 0, delta: { content: '{' }, finish_reason: null }] }),
  anthropic:
    data({ type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } }) +
    data({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: '{' } }),
  gemini: data({ candidates: [{ content: { parts: [{ text: '{' }] } }] }),
};
type Kind = keyof typeof begun;
const kinds = Object.keys(begun) as Kind[];

let origin: FakeOrigin;
let created: CreatedUpstreams;
beforeAll(async () => {
  origin = await startFakeOrigin(({ head, socket }) => {
    const kind = kinds.find((one) => head.includes(`/${one}`)) ?? 'openai';
    socket.write(chunked([begun[kind]], false));
  });
  const configured = (apiKeys: readonly string[]) =>
    kinds.map(
      (kind) =>
        [
          `${kind} with ${apiKeys.length}`,
          { kind, baseUrl: `${origin.url.origin}/${kind}`, apiKeys, headers: {} },
        ] as const,
    );
  created = await createUpstreams(new Map([...configured(['key']), ...configured(['key', 'other'])]));
});
afterAll(async () => {
  created.retire();
  created.schemas.close();
  await origin.close();
});

/** A stream with its first output, and its request, which only the stream can hold. */
async function openStream(
  kind: Kind,
  keys: number,
  more: Record<string, JsonValue>,
): Promise<{ readonly stream: EventStream; readonly request: WeakRef<ChatRequest> }> {
  const messages = [{ role: 'user', content: 'a long story' }];
  const decoded = decodeChatRequest({ model: 'm', messages, ...more });
  if (!decoded.ok) throw new Error(decoded.failure.message);
  const { request } = decoded.value;
  const call = { request, model: 'gemini-2.5-pro', keyId: 'key', completionId: 'chatcmpl-1' };
  const stream = created.upstreams.get(`${kind} with ${keys}`)?.open(call, new AbortController().signal);
  if (stream === undefined) throw new Error(created.problems.join());
  const { value } = await pullOnce(stream);
  expect(value).toMatchObject([{ type: 'text-delta', json: '{' }]);
  return { stream, request: new WeakRef(request) };
}

test.each([
  ...kinds.map((kind) => [kind, 1, 'text', {}] as const),
  ...kinds.map((kind) => [kind, 2, 'text', {}] as const),
  ['openai', 1, 'JSON', { response_format: { type: 'json_object' } }] as const,
])(
  'an open stream of %s with %i keys that answers in %s does not hold its request after its first output',
  async (kind, keys, _, more) => {
    const { stream, request } = await openStream(kind, keys, more);
    // An object that a weak reference was made for lives until the end of the turn.
    await new Promise((resolve) => setImmediate(resolve));
    collectGarbage();
    expect(request.deref()).toBeUndefined();
    await stream.close();
  },
);
