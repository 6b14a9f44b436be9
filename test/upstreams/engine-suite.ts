/**
 * A real engine behind a gateway: the same requests directly and through Tailrace give the same text, calls and
 * usage; an engine that is killed in mid-stream ends in a takeover or the error event; its refusals have the codes of
 * the contract. The engine runs on one thread at temperature 0 or with a seed, so that it repeats its answers.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startServer, type TestServer } from '../support/server.ts';
import { expectTrueStream } from '../support/stream-check.ts';
import { until } from '../support/until.ts';
import { type Answer, type Fields, streamedAnswers, type Wire, wholeAnswers } from './answer.ts';
import { callsTold, codeOf, post, readKilling, thoughtsApart } from './engine-answers.ts';
import { type CaseName, cases, story, user } from './engine-cases.ts';

/** A running engine, reached as any OpenAI-compatible server. */
export interface RealEngine {
  /** With the version: `http://127.0.0.1:8000/v1`. */
  readonly baseUrl: string;
  readonly apiKey: string;
  /** The model's name at the engine. */
  readonly model: string;
  /** A model whose template separates thoughts from text, where that is another one. Default `model`. */
  readonly thinker?: string;
  /** kill -9 of the process that computes. */
  kill(): Promise<void>;
  stop(): Promise<void>;
}

export interface EngineKind {
  readonly name: string;
  /** Undefined: any OpenAI-compatible server, without a preset. */
  readonly preset?: string;
  /** What the suite needs, and where it looks for it; without it the suite is skipped. */
  readonly needs: string;
  readonly present: boolean;
  readonly start: () => Promise<RealEngine>;
  /** Fields of its own that every request carries. */
  readonly fields?: Fields;
  /** Requests that it cannot answer twice in the same way, or not at all, each with what it does instead. */
  readonly without?: Partial<Record<CaseName, string>>;
  /** Requests whose direct answer is compared as a stream, and why the answer that does not stream differs. */
  readonly onlyStreams?: Partial<Record<CaseName, string>>;
  /**
   * What of its usage the gateway repeats, where not all: `of one choice` when it counts the tokens of one of
   * several only (the gateway counts all), `none` when it reports none in a stream (then it is estimated).
   */
  readonly usage?: 'of one choice' | 'none';
  /** Status and code of a model that it does not have; absent where it serves any name. */
  readonly unknownModel?: readonly [number, string];
  /**
   * What it does with a prompt that is longer than its context; `silent`: a stream that ends without an event.
   * Absent where its context is too long to be tried.
   */
  readonly tooLong?: 'refused' | 'truncated' | 'silent';
  /** A value that it refuses, with the status and code that become of it; absent where it refuses none. */
  readonly refused?: readonly [Fields, number, string];
  /** How another of its kind takes a broken stream over. Default `replay`. */
  readonly takeover?: 'prefix';
  /** It separates thoughts from text. Where it does not, the gateway does (contract, section 3). */
  readonly thinks?: true;
  /** The model repeats the call in its prompt. */
  readonly calls?: 'one';
}

export function describeEngine(kind: EngineKind, more?: (running: () => Running) => void): void {
  describe.skipIf(!kind.present)(`${kind.name} behind the gateway (${kind.needs})`, () => {
    let engine: RealEngine;
    let twin: RealEngine;
    let gateway: TestServer;

    beforeAll(async () => {
      [engine, twin] = await Promise.all([kind.start(), kind.start()]);
      const upstream = ({ baseUrl, apiKey }: RealEngine) => ({
        kind: 'openai',
        base_url: baseUrl,
        api_key: apiKey,
        ...(kind.preset === undefined ? {} : { preset: kind.preset }),
      });
      const { takeover = 'replay' } = kind;
      const target = (upstream: string, more: Fields = {}) => ({ upstream, model: engine.model, ...more });
      gateway = await startServer({
        model: 'none',
        config: {
          upstreams: { real: upstream(engine), twin: upstream(twin) },
          models: {
            relayed: { targets: [target('real', { takeover: 'none' })] },
            guarded: {
              targets: [target('twin', { takeover }), target('real', { takeover, priority: 1 })],
            },
            thinking: { targets: [{ upstream: 'real', model: engine.thinker ?? engine.model }] },
            missing: { targets: [{ upstream: 'real', model: 'no-such-model' }] },
          },
          retry: { per_target: 1, backoff: '10ms' },
        },
      });
    });

    afterAll(async () => {
      await gateway?.stop();
      await twin?.stop();
      await engine?.stop();
    });

    const through = (fields: Fields, signal?: AbortSignal) =>
      post(`${gateway.baseUrl}/v1`, gateway.apiKey, { model: 'relayed', ...kind.fields, ...fields }, signal);
    const directlyAsked = (fields: Fields) =>
      post(engine.baseUrl, engine.apiKey, {
        ...kind.fields,
        ...fields,
        model: fields['model'] === 'thinking' ? (engine.thinker ?? engine.model) : engine.model,
      });

    more?.(() => ({ engine, gateway, through }));

    async function directly(name: CaseName, fields: Fields): Promise<readonly Answer[]> {
      // Once for the cache: from then on the same prompt is read in the same way.
      await (await directlyAsked(fields)).arrayBuffer();
      if (kind.onlyStreams?.[name] === undefined) {
        const response = await directlyAsked(fields);
        expect(response.status).toBe(200);
        return wholeAnswers((await response.json()) as Wire);
      }
      return await streamedDirectly(fields);
    }

    async function streamedDirectly(fields: Fields): Promise<readonly Answer[]> {
      const all = { ...fields, stream: true, stream_options: { include_usage: true } };
      const response = await directlyAsked(all);
      expect(response.status).toBe(200);
      return streamedAnswers(Buffer.from(await response.arrayBuffer()));
    }

    /** What has to be the same. */
    function comparable(answers: readonly Answer[]): readonly Partial<Answer>[] {
      const whole = kind.usage === undefined || (kind.usage === 'of one choice' && answers.length === 1);
      return whole ? answers : answers.map(({ usage: _, ...answer }) => answer);
    }

    const asked = Object.entries(cases) as [CaseName, Fields][];

    for (const [name, fields] of asked) {
      const why = kind.without?.[name];
      test.skipIf(why !== undefined)(
        `${name} comes as it does directly${why === undefined ? '' : `: ${why}`}`,
        async () => {
          const said = await directly(name, fields);
          const expected = comparable(
            said.map(kind.thinks ? callsTold : (answer) => callsTold(thoughtsApart(answer))),
          );
          expect(expected).toHaveLength(typeof fields['n'] === 'number' ? fields['n'] : 1);
          for (const { text, calls } of expected) expect(`${text}${JSON.stringify(calls)}`).not.toBe('[]');

          const once = await through(fields);
          expect(once.status).toBe(200);
          expect(comparable(wholeAnswers((await once.json()) as Wire))).toEqual(expected);

          const streamed = await through({ ...fields, stream: true });
          expect(streamed.status).toBe(200);
          const body = Buffer.from(await streamed.arrayBuffer());
          expect(expectTrueStream(body).complete).toBe(true);
          expect(comparable(streamedAnswers(body))).toEqual(expected);
        },
      );
    }

    test.runIf(kind.calls === 'one')('the tool call was one', async () => {
      const [answer] = await directly('a tool call', cases['a tool call']);
      expect(answer).toMatchObject({
        calls: [{ name: 'forecast', arguments: { city: 'Köln', days: 2 } }],
        finish: 'tool_calls',
      });
    });

    test.runIf(kind.unknownModel !== undefined)('a model it does not have is a failure of ours', async () => {
      const [status, code] = kind.unknownModel ?? [];
      const response = await through({ model: 'missing', messages: user('Hello.') });
      expect([response.status, await codeOf(response)]).toEqual([status, code]);
    });

    test.runIf(kind.refused !== undefined)('a value that it refuses is reported to the caller', async () => {
      const [value, status, code] = kind.refused ?? [];
      for (const stream of [true, false]) {
        const response = await through({ messages: user('Hello.'), stream, ...value });
        expect([response.status, await codeOf(response)]).toEqual([status, code]);
      }
    });

    test.runIf(kind.tooLong !== undefined)(
      `a prompt that is too long is ${kind.tooLong ?? 'not tried'}`,
      async () => {
        const fields = { messages: user('word '.repeat(6_000)), max_tokens: 4 };
        if (kind.tooLong === 'truncated') {
          const response = await through(fields);
          expect(response.status).toBe(200);
          expect(wholeAnswers((await response.json()) as Wire)[0]?.usage['prompt_tokens']).toBeLessThan(
            3_000,
          );
          return;
        }
        for (const stream of [true, false]) {
          const response = await through({ ...fields, stream });
          const [status, code] = [response.status, await codeOf(response)];
          if (kind.tooLong === 'refused') expect([status, code]).toEqual([400, 'context_length_exceeded']);
          // The end of its empty stream may come with the head or after it.
          else expect([status, code]).toEqual([502, expect.stringMatching(/^upstream_(protocol|refused)$/)]);
        }
      },
    );

    test('killed in mid-stream, another engine takes the story over, byte for byte', async () => {
      await streamedDirectly(story);
      const [expected] = await streamedDirectly(story);
      const response = await through({ ...story, model: 'guarded', stream: true });
      expect(response.status).toBe(200);
      const body = await readKilling(response, () => twin.kill());
      expect(expectTrueStream(body).complete).toBe(true);
      const [answer] = streamedAnswers(body);
      expect({ text: answer?.text, finish: answer?.finish }).toEqual({
        text: expected?.text,
        finish: expected?.finish,
      });
      const twice = await until(
        'the line in the log',
        20_000,
        () => /"attempts":2/.exec(gateway.logs())?.[0],
      );
      expect(twice).toBeDefined();
    });

    // The last test: after it the engine answers nothing.
    test('killed in mid-stream without another engine, the stream ends in the error event', async () => {
      const response = await through({ ...story, stream: true });
      expect(response.status).toBe(200);
      const body = await readKilling(response, () => engine.kill());
      const { complete, error, choices } = expectTrueStream(body);
      expect({ complete, code: error?.code }).toEqual({ complete: false, code: 'upstream_cut' });
      expect(choices[0]?.content).not.toBe('');
      const next = await through({ ...story });
      expect([502, 503]).toContain(next.status);
    });
  });
}

/** What the tests of one engine may use beside the common ones. */
export interface Running {
  readonly engine: RealEngine;
  readonly gateway: TestServer;
  /** Asks the gateway for `relayed`, which is this engine alone. */
  readonly through: (fields: Fields, signal?: AbortSignal) => Promise<Response>;
}
