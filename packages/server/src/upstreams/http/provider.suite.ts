import type { Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Failure } from '../../domain/failure.ts';
import type { JsonObject, JsonValue } from '../../domain/json.ts';
import type { StreamEvent } from '../../domain/stream-event.ts';
import { chunked, type FakeExchange, type FakeOrigin, startFakeOrigin } from '../../transport/fake-origin.ts';
import { createCompletionCollector } from '../../wire/chat/completion-collector.ts';
import { decodeChatRequest } from '../../wire/chat/decode-request.ts';
import { describeUpstream, readStream, type UpstreamScenario } from '../contract.suite.ts';
import type { UpstreamCall } from '../contract.ts';
import type { CreatedProvider, ProviderOptions, ProviderUpstream } from './provider-transport.ts';

/** How a provider answers over HTTP; each piece is one read. */
export type Played =
  | { readonly pieces: readonly string[]; readonly after?: 'stays open' | 'hangs up' }
  | { readonly status: number; readonly body: string; readonly headers?: string; readonly type?: string }
  | 'silent';

/** An adapter under test. */
export interface ProviderUnderTest {
  create(options: ProviderOptions): Promise<CreatedProvider>;
  readonly kind: 'anthropic' | 'gemini';
  /** A model with the features of the scenarios. */
  readonly model: string;
  /** The scenarios of the contract suite; a text is the reason why one cannot be played. */
  readonly scenarios: Readonly<Record<UpstreamScenario, Played | string>>;
  /** Patterns for the request line and the headers of every call. */
  readonly head: readonly RegExp[];
  /** HTTP refusals and their failures. */
  readonly refusals: Readonly<
    Record<string, { readonly played: Played; readonly becomes: Partial<Failure> }>
  >;
  /** A turn with calls, and with everything that the next turn must send back. */
  readonly toolTurn: Played;
  /** That turn in the next request. */
  readonly toolTurnBack: JsonValue;
  /** The turns of a request. */
  turns(body: JsonObject): readonly JsonValue[];
}

/** The key in the configuration of the adapter under test. */
export const apiKey = 'secret-key-of-the-operator';

/** A call with one user message. */
export function callOf(
  text: string,
  model: string,
  more: Readonly<Record<string, JsonValue>> = {},
): UpstreamCall {
  const decoded = decodeChatRequest({ model: 'm', messages: [{ role: 'user', content: text }], ...more });
  if (!decoded.ok) throw new Error(decoded.failure.message);
  return { request: decoded.value.request, model, keyId: 'key', completionId: 'chatcmpl-1' };
}

/** Runs a provider's adapter against a server that plays the provider. */
export function describeProvider(provider: ProviderUnderTest): void {
  const seen: { head: string; body: JsonObject }[] = [];
  let play: (text: string) => Played;
  let origin: FakeOrigin;
  let upstream: ProviderUpstream;

  const scenarioOf = (text: string): Played => {
    const scenario = provider.scenarios[text as UpstreamScenario];
    if (typeof scenario === 'object' || scenario === 'silent') return scenario;
    throw new Error(`nothing to play for ${text}`);
  };

  function answer({ head, body, socket }: FakeExchange): void {
    const parsed = JSON.parse(body) as JsonObject;
    seen.push({ head, body: parsed });
    void perform(play(firstText(parsed)), socket);
  }

  const open = async (address = '') => {
    const created = await provider.create({
      name: 'lab',
      config: {
        kind: provider.kind,
        baseUrl: `${origin.url.origin}${address}`,
        apiKeys: [apiKey],
        headers: { 'x-team': 'a' },
      },
      env: {},
      connectMs: 5_000,
      maxEventBytes: 64 * 1024,
      finishWaitMs: 1,
      now: () => Date.parse('2026-11-21T10:00:00Z'),
    });
    if (!created.ok) throw new Error(created.problems.join('\n'));
    return created.upstream;
  };

  const start = async () => {
    origin = await startFakeOrigin(answer);
    upstream = await open();
  };
  const stop = async () => {
    upstream.close();
    await origin.close();
  };

  describeUpstream(provider.kind, async () => {
    await start();
    play = scenarioOf;
    return {
      upstream,
      call(scenario) {
        const played = provider.scenarios[scenario];
        if (typeof played === 'string' && played !== 'silent') return { cannot: played };
        return callOf(scenario, provider.model, scenario === 'two choices' ? { n: 2 } : {});
      },
      released: () => until(() => upstream.stats.busy === 0),
      close: stop,
    };
  });

  describe(`${provider.kind} over HTTP`, () => {
    beforeAll(start);
    afterAll(stop);

    async function ask(call: UpstreamCall, played: Played): Promise<readonly StreamEvent[]> {
      play = () => played;
      const { events } = await readStream(upstream.open(call, new AbortController().signal), call.request.n);
      return events;
    }

    test('every call has the version, the key and the operator’s headers, and asks for a stream', async () => {
      await ask(callOf('text', provider.model), scenarioOf('text'));
      const head = seen.at(-1)?.head ?? '';
      for (const pattern of provider.head) expect(head).toMatch(pattern);
      expect(head).toMatch(/^x-team: a\r$/im);
      expect(head).toMatch(/^accept-encoding: identity\r$/im);
    });

    test('a request without streaming asks the provider for a stream too', async () => {
      await ask(callOf('text', provider.model, { stream: false }), scenarioOf('text'));
      const plain = seen.at(-1)?.body;
      await ask(callOf('text', provider.model, { stream: true }), scenarioOf('text'));
      expect(seen.at(-1)?.body).toEqual(plain);
    });

    test('a path in base_url comes before the path of the API', async () => {
      const behind = await open('/proxy/');
      try {
        play = scenarioOf;
        await readStream(behind.open(callOf('text', provider.model), new AbortController().signal), 1);
        expect(seen.at(-1)?.head).toMatch(/^POST \/proxy\/v1/);
      } finally {
        behind.close();
      }
    });

    test('the connection of a whole answer serves the next request', async () => {
      await ask(callOf('text', provider.model), scenarioOf('text'));
      await until(() => upstream.stats.busy === 0);
      const { accepted } = origin;
      await ask(callOf('text', provider.model), scenarioOf('text'));
      expect(origin.accepted).toBe(accepted);
    });

    test.each([
      ['a connection that is lost', { after: 'hangs up' as const }],
      ['a body that ends without an error', {}],
    ])('%s before the finish is a cut', async (_name, how) => {
      const text = scenarioOf('text');
      if (typeof text === 'string' || !('pieces' in text)) throw new Error('text is a stream');
      const events = await ask(callOf('text', provider.model), { pieces: text.pieces.slice(0, -1), ...how });
      expect(events.some(({ type }) => type === 'text-delta')).toBe(true);
      expect(events.at(-1)).toMatchObject({ type: 'failed', failure: { code: 'upstream_cut' } });
    });

    test.each(Object.entries(provider.refusals))('%s', async (_name, { played, becomes }) => {
      const events = await ask(callOf('Hi', provider.model), played);
      const [only] = events;
      expect(events).toHaveLength(1);
      expect(only).toMatchObject({ type: 'failed', failure: becomes });
      const message = only?.type === 'failed' ? only.failure.message : '';
      expect(message).not.toMatch(/:\/\/|\d+\.\d+\.\d+\.\d+/);
      expect(message).not.toContain(apiKey);
    });

    test('a request that the provider does not accept is refused before it is sent', async () => {
      const before = seen.length;
      const content = [{ type: 'image_url', image_url: { url: 'gopher://x' } }];
      const call = callOf('', provider.model, { messages: [{ role: 'user', content }] });
      expect(await ask(call, 'silent')).toMatchObject([
        { type: 'failed', failure: { code: 'invalid_value' } },
      ]);
      expect(seen.length).toBe(before);
    });

    test('extra content returns unchanged in the second turn of a tool loop', async () => {
      const tools = [{ type: 'function', function: { name: 'get_weather' } }];
      const events = await ask(callOf('Weather?', provider.model, { tools }), provider.toolTurn);
      const message = messageOf(events);
      const results = calls(message).map((id) => ({ role: 'tool', tool_call_id: id, content: 'Sun' }));
      const messages = [{ role: 'user', content: 'Weather?' }, message, ...results];
      await ask(callOf('', provider.model, { messages, tools }), scenarioOf('text'));
      expect(provider.turns(seen.at(-1)?.body ?? {})[1]).toEqual(provider.toolTurnBack);
    });
  });
}

/** The assistant's message as a client receives it and sends it back. */
function messageOf(events: readonly StreamEvent[]): JsonObject {
  const collector = createCompletionCollector(1);
  for (const event of events) if (event.type !== 'failed') collector.add(event);
  const completion = JSON.parse(
    collector.toJson({ id: 'chatcmpl-1', created: 1, model: 'm', fingerprint: 'fp' }),
  ) as { choices: { message: JsonObject }[] };
  const message = completion.choices[0]?.message;
  if (message === undefined) throw new Error('no message');
  return message;
}

function calls(message: JsonObject): readonly string[] {
  return (message['tool_calls'] as unknown as { id: string }[]).map(({ id }) => id);
}

/** The first text anywhere in a request: the scenario's name. */
function firstText(value: JsonValue): string {
  return /"text":"([^"]*)"/.exec(JSON.stringify(value))?.[1] ?? '';
}

/** Writes each piece in a turn of the event loop of its own, so that each is one read. */
async function perform(played: Played, socket: Socket): Promise<void> {
  if (played === 'silent') return;
  if ('status' in played) {
    const { status, body, headers = '', type = 'application/json' } = played;
    socket.write(
      `HTTP/1.1 ${status} X\r\ncontent-type: ${type}\r\n${headers}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    );
    return;
  }
  socket.write(chunked([], false));
  for (const piece of played.pieces) {
    await new Promise((resolve) => setImmediate(resolve));
    if (socket.destroyed) return;
    socket.write(`${Buffer.byteLength(piece).toString(16)}\r\n${piece}\r\n`);
  }
  if (played.after === 'hangs up') socket.end();
  else if (played.after === undefined) socket.write('0\r\n\r\n');
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve));
}
