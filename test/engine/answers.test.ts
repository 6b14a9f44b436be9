import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { writeRandomGguf } from '../support/random-gguf.ts';
import { createScratch, type Scratch } from '../support/scratch.ts';
import { ask, callsOf, startTestEngine, type TestEngine, textOf, type Wish } from './ask.ts';

let scratch: Scratch;
let running: TestEngine;

beforeAll(async () => {
  scratch = createScratch('answers');
  const file = join(scratch.path, 'random.gguf');
  writeRandomGguf(file, { seed: 9, contextLength: 1024 });
  running = await startTestEngine({ file, sequences: 4, context: 'max' });
});
afterAll(async () => {
  await running.engine.stop();
  scratch.remove();
});

/** The random model's vocabulary: three control tokens, then the bytes in their order. */
const tokenOfLetter = (letter: string): number => 3 + letter.charCodeAt(0);

describe('sampling', () => {
  test('each choice has a text of its own, the first one that of the seed, and the prompt counts once', async () => {
    const alone = await ask(running.engine, 'choices', { seed: 4, maxTokens: 30 });
    const { events, usage } = await ask(running.engine, 'choices', { seed: 4, maxTokens: 30, n: 6 });
    const texts = [0, 1, 2, 3, 4, 5].map((choice) => textOf(events, choice));
    expect(texts[0]).toBe(alone.text);
    expect(new Set(texts).size).toBe(6);
    expect(usage.promptTokens).toBe(alone.usage.promptTokens);
    expect(events.filter((event) => event.type === 'finish').length).toBe(6);
    const again = await ask(running.engine, 'choices', { seed: 4, maxTokens: 30, n: 6 });
    expect([0, 1, 2, 3, 4, 5].map((choice) => textOf(again.events, choice))).toEqual(texts);
  });

  test('a bias of 100 forces a token, one of −100 forbids it', async () => {
    const bias = (letters: string, value: number) =>
      Object.fromEntries([...letters].map((letter) => [tokenOfLetter(letter), value]));
    const wish = { maxTokens: 30, seed: 2 };
    expect((await ask(running.engine, 'q', { ...wish, logitBias: bias('x', 100) })).text).toBe(
      'x'.repeat(30),
    );
    const both = { ...bias('x', 100), ...bias('y', 100) };
    expect((await ask(running.engine, 'q', { ...wish, logitBias: both })).text).toMatch(
      /^(?=.*x)(?=.*y)[xy]{30}$/,
    );
    const banned = { ...both, ...bias('x', -100) };
    expect((await ask(running.engine, 'q', { ...wish, logitBias: banned })).text).toBe('y'.repeat(30));
  });

  test('a bias on the token that ends an answer ends it', async () => {
    const outcome = await ask(running.engine, 'q', { maxTokens: 30, logitBias: { 2: 100 } });
    expect(outcome).toMatchObject({ end: 'stop', text: '', usage: { completionTokens: 1 } });
  });

  test('an id that is no token is refused by name', async () => {
    const outcome = await ask(running.engine, 'q', { logitBias: { 999999: 1 } });
    expect(outcome.events).toMatchObject([
      { type: 'failed', failure: { code: 'invalid_value', param: 'logit_bias.999999' } },
    ]);
  });

  test('a frequency penalty is subtracted once per occurrence, a presence penalty once', async () => {
    // Four letters with nearly equal logits, far above the others: with penalties they alternate, without only one is written.
    const letters = ['a', 'b', 'c', 'd'];
    const logitBias = Object.fromEntries(letters.map((letter) => [tokenOfLetter(letter), 100]));
    const wish: Wish = { temperature: 0, maxTokens: 40, logitBias };
    const count = (text: string) => letters.map((letter) => text.split(letter).length - 1);
    const plain = count((await ask(running.engine, 'q', wish)).text);
    const frequent = count((await ask(running.engine, 'q', { ...wish, frequencyPenalty: 2 })).text);
    const present = count((await ask(running.engine, 'q', { ...wish, presencePenalty: 2 })).text);
    const spread = (counts: readonly number[]) => Math.max(...counts) - Math.min(...counts);
    // Logits of one token differ by a few units from step to step, and two are lost with each occurrence.
    expect(spread(frequent)).toBeLessThanOrEqual(4);
    expect(spread(plain)).toBeGreaterThan(spread(frequent));
    expect(present).not.toEqual(frequent);
  });

  test('logprobs are the model’s own, before temperature, bias and penalties', async () => {
    const wish: Wish = { maxTokens: 1, logprobs: true, topLogprobs: 20 };
    const logprobsFor = async (more: Wish) => {
      const { events } = await ask(running.engine, 'q', { ...wish, ...more });
      return events.flatMap((event) => (event.type === 'text-delta' ? (event.logprobs ?? []) : []))[0];
    };
    const cold = await logprobsFor({ temperature: 0 });
    const hot = await logprobsFor({
      temperature: 2,
      seed: 5,
      topP: 0.2,
      logitBias: { [tokenOfLetter('z')]: 100 },
    });
    expect(cold?.top_logprobs.length).toBe(20);
    expect(hot?.top_logprobs).toEqual(cold?.top_logprobs);
    expect(hot?.token).toBe('z');
    expect(cold?.logprob).toBe(cold?.top_logprobs[0]?.logprob);
    const probabilities = (cold?.top_logprobs ?? []).map(({ logprob }) => Math.exp(logprob));
    expect(probabilities.reduce((sum, value) => sum + value, 0)).toBeLessThanOrEqual(1.0001);
    expect(probabilities).toEqual(probabilities.toSorted((left, right) => right - left));
  });

  test('there is one logprob a token of text, and their bytes are the text’s', async () => {
    const logitBias = Object.fromEntries([...'abcd'].map((letter) => [tokenOfLetter(letter), 100]));
    const wish: Wish = { maxTokens: 40, seed: 3, logprobs: true, logitBias, stop: ['abc', 'dd'] };
    const { events, text } = await ask(running.engine, 'q', wish);
    const entries = events.flatMap((event) => (event.type === 'text-delta' ? (event.logprobs ?? []) : []));
    expect(entries.map(({ token }) => token).join('')).toBe(text);
    expect(entries.every((entry) => entry.top_logprobs.length === 0)).toBe(true);
  });
});

describe('structured output', () => {
  const ajv = new Ajv2020({ strict: false });
  const schema = {
    type: 'object',
    properties: {
      id: { type: 'integer', minimum: 1, maximum: 500 },
      tags: { type: 'array', items: { enum: ['a', 'b<|im_end|>'] }, maxItems: 3 },
      note: { type: ['string', 'null'], maxLength: 12 },
    },
    required: ['id', 'tags', 'note'],
    additionalProperties: false,
  };

  test('random weights fill a schema, streaming, every time; an answer cut by its length says so', async () => {
    const validate = ajv.compile(schema);
    let whole = 0;
    for (let seed = 1; seed <= 25; seed++) {
      const responseFormat = { type: 'json_schema', name: 's', strict: true, schema } as const;
      const outcome = await ask(running.engine, 'fill', { seed, maxTokens: 400, responseFormat });
      if (outcome.end === 'length') continue;
      expect(outcome.end).toBe('stop');
      whole++;
      expect(validate(JSON.parse(outcome.text)), outcome.text).toBe(true);
    }
    expect(whole).toBeGreaterThan(15);
    const cut = await ask(running.engine, 'fill', {
      maxTokens: 3,
      responseFormat: { type: 'json_schema', name: 's', strict: true, schema },
    });
    expect(cut).toMatchObject({ end: 'length', usage: { completionTokens: 3 } });
  });

  test('json_object gives an object', async () => {
    for (let seed = 1; seed <= 10; seed++) {
      const outcome = await ask(running.engine, 'o', {
        seed,
        maxTokens: 900,
        responseFormat: { type: 'json_object' },
      });
      if (outcome.end !== 'length') expect(typeof JSON.parse(outcome.text)).toBe('object');
    }
  });

  test('a schema that cannot be enforced is refused before anything is computed', async () => {
    const outcome = await ask(running.engine, 'q', {
      responseFormat: { type: 'json_schema', name: 's', strict: true, schema: { if: { type: 'string' } } },
    });
    expect(outcome.events).toMatchObject([
      {
        type: 'failed',
        failure: { code: 'unsupported_parameter', param: 'response_format.json_schema.schema.if' },
      },
    ]);
  });

  test('every choice fills the schema', async () => {
    const responseFormat = {
      type: 'json_schema',
      name: 's',
      strict: true,
      schema: { enum: ['red', 'green'] },
    } as const;
    const { events } = await ask(running.engine, 'q', { n: 5, responseFormat, seed: 1, maxTokens: 50 });
    for (let choice = 0; choice < 5; choice++) {
      expect(['red', 'green']).toContain(JSON.parse(textOf(events, choice)));
    }
  });
});

describe('tools', () => {
  const tools = [
    {
      name: 'get_weather',
      description: 'Weather now',
      strict: true,
      parameters: {
        type: 'object',
        properties: { city: { type: 'string', maxLength: 8 }, unit: { enum: ['c', 'f'] } },
        required: ['city', 'unit'],
        additionalProperties: false,
      },
    },
    { name: 'now', strict: false, parameters: {} },
  ];

  test('a required call is made, its arguments valid and in pieces, one call ending before the next', async () => {
    const validate = new Ajv2020({ strict: false }).compile(tools[0]?.parameters ?? {});
    let calls = 0;
    for (let seed = 1; seed <= 15; seed++) {
      const outcome = await ask(running.engine, 'call', {
        seed,
        maxTokens: 600,
        tools,
        toolChoice: { type: 'required' },
      });
      if (outcome.end === 'length') continue;
      expect(outcome).toMatchObject({ end: 'tool_calls', text: '' });
      for (const call of callsOf(outcome.events)) {
        calls++;
        const given: unknown = JSON.parse(call.arguments);
        expect(call.name === 'now' ? call.arguments === '{}' : validate(given), call.arguments).toBe(true);
      }
      const ids = outcome.events.flatMap((event) => (event.type === 'tool-call-start' ? [event.id] : []));
      expect(new Set(ids).size).toBe(ids.length);
    }
    expect(calls).toBeGreaterThan(10);
  });

  test('a function asked for by name is called, once', async () => {
    for (const seed of [1, 2, 3]) {
      const outcome = await ask(running.engine, 'call', {
        seed,
        maxTokens: 300,
        tools,
        toolChoice: { type: 'function', name: 'now' },
      });
      expect(outcome.end).toBe('tool_calls');
      expect(callsOf(outcome.events)).toEqual([{ name: 'now', arguments: '{}' }]);
    }
  });

  test('with parallel_tool_calls off there is one call', async () => {
    const outcome = await ask(running.engine, 'call', {
      seed: 1,
      maxTokens: 400,
      tools,
      toolChoice: { type: 'required' },
      parallelToolCalls: false,
    });
    expect(callsOf(outcome.events).length).toBe(1);
  });

  test('beside a response_format the model either calls or answers in JSON', async () => {
    const schema = { type: 'object', properties: { red: { type: 'boolean' } }, required: ['red'] };
    const responseFormat = { type: 'json_schema', name: 's', strict: true, schema } as const;
    const bias = (letter: string) => ({ [tokenOfLetter(letter)]: 50 });
    const ends = new Set<string | undefined>();
    for (const seed of [1, 2, 3, 4]) {
      for (const logitBias of [bias('<'), bias('{')]) {
        const wish = { seed, maxTokens: 400, tools, responseFormat, logitBias };
        const outcome = await ask(running.engine, 'q', wish);
        ends.add(outcome.end);
        if (outcome.end === 'stop') expect(JSON.parse(outcome.text)).toHaveProperty('red');
        else expect(outcome.text).toBe('');
        expect(callsOf(outcome.events).length > 0).toBe(outcome.end === 'tool_calls');
        expect(outcome.usage.promptTokens).toBeGreaterThan(100);
      }
    }
    expect(ends).toEqual(new Set(['stop', 'tool_calls']));
  });

  test('a call that max_tokens cuts finishes with length', async () => {
    const outcome = await ask(running.engine, 'call', {
      maxTokens: 30,
      tools,
      toolChoice: { type: 'required' },
    });
    expect(outcome.end).toBe('length');
  });

  test('tools that may not be called leave no trace in the prompt', async () => {
    const plain = await ask(running.engine, 'q', { maxTokens: 1 });
    const none = await ask(running.engine, 'q', { maxTokens: 1, tools, toolChoice: { type: 'none' } });
    const auto = await ask(running.engine, 'q', { maxTokens: 1, tools });
    expect(none.usage.promptTokens).toBe(plain.usage.promptTokens);
    expect(auto.usage.promptTokens).toBeGreaterThan(plain.usage.promptTokens + 50);
  });
});

describe('thoughts', () => {
  test.each([
    ['as plain text', []],
    ['as tokens of their own', ['<think>', '</think>']],
  ])('a model that ends its turn there still writes JSON or call (tags %s)', async (_, tags) => {
    const file = join(scratch.path, `ending-${tags.length}.gguf`);
    const chatTemplate =
      "{% for m in messages %}{{ '<|im_start|>' + m['content'] + '<|im_end|>' }}{% endfor %}{{ '<think>\n' }}";
    writeRandomGguf(file, { seed: 9, chatTemplate, tags, contextLength: 2048 });
    const { engine } = await startTestEngine({ file, sequences: 2, context: 'max' });
    try {
      // Ends its turn as soon as it may: at once in its thoughts, and then after the answer.
      const logitBias = { 2: 100 };
      const schema = { enum: ['red', 'green'] };
      const responseFormat = { type: 'json_schema', name: 's', strict: true, schema } as const;
      const tools = [{ name: 'now', strict: false, parameters: {} }];
      for (const seed of [1, 2, 3]) {
        const wish = { seed, maxTokens: 400, logitBias };
        const json = await ask(engine, 'q', { ...wish, responseFormat });
        expect(json.end).toBe('stop');
        expect(['red', 'green']).toContain(JSON.parse(json.text));
        expect(json.usage.reasoningTokens).toBeGreaterThan(1);
        const called = await ask(engine, 'q', { ...wish, tools, toolChoice: { type: 'required' } });
        expect(called.end).toBe('tool_calls');
        expect(callsOf(called.events)[0]).toEqual({ name: 'now', arguments: '{}' });
        const cut = await ask(engine, 'q', { ...wish, responseFormat, maxTokens: 2 });
        expect(cut).toMatchObject({ end: 'length', usage: { completionTokens: 2 } });
      }
      expect(await ask(engine, 'q', { logitBias })).toMatchObject({ end: 'stop', text: '' });
    } finally {
      await engine.stop();
    }
  });

  test('where the template opens them, all text is reasoning until they are closed, also before a schema', async () => {
    const file = join(scratch.path, 'thinking.gguf');
    const chatTemplate =
      "{% for m in messages %}{{ '<|im_start|>' + m['content'] + '<|im_end|>' }}{% endfor %}{{ '<think>\n' }}";
    writeRandomGguf(file, { seed: 9, chatTemplate });
    const { engine } = await startTestEngine({ file, sequences: 2, context: 'max' });
    try {
      const schema = { type: 'integer' };
      const responseFormat = { type: 'json_schema', name: 's', strict: true, schema } as const;
      const logitBias = { 2: -100 };
      for (const more of [{}, { responseFormat }]) {
        const outcome = await ask(engine, 'q', { seed: 1, maxTokens: 20, logitBias, ...more });
        expect(outcome).toMatchObject({ end: 'length', text: '' });
        expect(outcome.events.some((event) => event.type === 'reasoning-delta')).toBe(true);
        expect(outcome.usage).toMatchObject({ completionTokens: 20, reasoningTokens: 20 });
      }
      // The prefix is a part of the answer: the thoughts before it have ended.
      const rest = await ask(engine, 'q', { seed: 1, maxTokens: 20, logitBias, prefix: 'So' });
      expect(rest.text).not.toBe('');
      expect(rest.usage.reasoningTokens).toBeUndefined();
    } finally {
      await engine.stop();
    }
  });
});
