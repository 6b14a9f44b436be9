import { headerOf } from '../wire/exchange.ts';
import { disconnectProbe } from './disconnect.ts';
import type { Probe } from './probe.ts';
import {
  afterCall,
  longStory,
  manyScripts,
  neutralValues,
  placeSchema,
  river,
  user,
  weatherRequest,
} from './questions.ts';
import { resumeProbe } from './resume.ts';
import { stopString } from './stop-string.ts';

const withUsage = { stream: true, stream_options: { include_usage: true } } as const;

/** As clients ask that accept compressed answers: openai-python does. */
const acceptsCompression = { 'accept-encoding': 'gzip, deflate, br' };

/** All of them, in the order of `probeNames`. */
export const probes: readonly Probe[] = [
  {
    name: 'models',
    about: 'the list of models',
    requests: 1,
    tokens: 0,
    run: ({ send }) => send('models', { method: 'GET', path: '/models' }),
  },
  {
    name: 'plain',
    about: 'an answer that does not stream',
    requests: 1,
    tokens: 32,
    run: ({ ask }) => ask('plain', { messages: river, temperature: 0, max_tokens: 32 }),
  },
  {
    name: 'stream',
    about: 'a stream, and another request on its connection',
    requests: 2,
    tokens: 32,
    run: ({ ask }) =>
      ask(
        'stream',
        { messages: river, temperature: 0, max_tokens: 32, stream: true },
        { headers: acceptsCompression, afterwards: '/models' },
      ),
  },
  {
    name: 'stream-with-usage',
    about: 'a stream with include_usage',
    requests: 1,
    tokens: 32,
    run: ({ ask }) =>
      ask('stream-with-usage', { messages: river, temperature: 0, max_tokens: 32, ...withUsage }),
  },
  {
    name: 'length',
    about: 'answers that max_tokens ends, streaming and not',
    requests: 2,
    tokens: 8,
    async run({ ask }) {
      await ask('length/stream', { messages: river, max_tokens: 4, ...withUsage });
      await ask('length/whole', { messages: river, max_tokens: 4 });
    },
  },
  {
    name: 'stop',
    about: 'a stop string out of the text that the stream before had',
    requests: 1,
    tokens: 32,
    async run({ ask, earlier }) {
      const stop = stopString(earlier('stream'));
      if (stop === undefined) return;
      await ask('stop', { messages: river, temperature: 0, max_tokens: 32, stream: true, stop: [stop] });
    },
  },
  {
    name: 'bad-model',
    about: 'a model that there is not, streaming and not',
    requests: 2,
    tokens: 2,
    async run({ ask }) {
      const fields = { model: 'no-such-model-tailrace-check', messages: user('Hi'), max_tokens: 1 };
      await ask('bad-model/whole', fields);
      await ask('bad-model/stream', { ...fields, stream: true });
    },
  },
  {
    name: 'bad-json',
    about: 'a body that is no JSON',
    requests: 1,
    tokens: 0,
    run: ({ ask }) => ask('bad-json', '{"model": "x", "messages": [', {}),
  },
  {
    name: 'bad-type',
    about: 'a text where a number belongs, and a temperature that is too high',
    requests: 3,
    tokens: 3,
    async run({ ask }) {
      await ask('bad-type/whole', { messages: user('Hi'), temperature: 'warm', max_tokens: 1 });
      await ask('bad-type/stream', {
        messages: user('Hi'),
        temperature: 'warm',
        max_tokens: 1,
        stream: true,
      });
      await ask('bad-type/role', { messages: [{ role: 'wizard', content: 'Hi' }], max_tokens: 1 });
    },
  },
  {
    name: 'missing-messages',
    about: 'a request without messages',
    requests: 1,
    tokens: 1,
    run: ({ ask }) => ask('missing-messages', { max_tokens: 1 }),
  },
  {
    name: 'bad-key',
    about: 'a key that is wrong',
    requests: 1,
    tokens: 1,
    run: ({ ask }) =>
      ask(
        'bad-key',
        { messages: user('Hi'), max_tokens: 1 },
        { headers: { authorization: 'Bearer wrong-key-of-tailrace-check' } },
      ),
  },
  {
    name: 'tools',
    about: 'a tool call that is asked for by name, streaming and not',
    requests: 2,
    tokens: 192,
    async run({ ask }) {
      await ask('tools/stream', { ...weatherRequest, max_tokens: 96, ...withUsage });
      await ask('tools/whole', { ...weatherRequest, max_tokens: 96 });
    },
  },
  {
    name: 'json-object',
    about: 'JSON mode, streaming',
    requests: 1,
    tokens: 64,
    run: ({ ask }) =>
      ask('json-object', {
        messages: user('Answer with a short JSON object: {"city": "Oslo"}'),
        response_format: { type: 'json_object' },
        max_tokens: 64,
        ...withUsage,
      }),
  },
  {
    name: 'json-schema',
    about: 'JSON of a schema, streaming and not',
    requests: 2,
    tokens: 128,
    async run({ ask }) {
      const fields = {
        messages: user('Which city is the capital of Norway, and is it large? Answer as JSON.'),
        response_format: {
          type: 'json_schema',
          json_schema: { name: 'place', strict: true, schema: placeSchema },
        },
        max_tokens: 64,
      };
      await ask('json-schema/stream', { ...fields, ...withUsage });
      await ask('json-schema/whole', fields);
    },
  },
  {
    name: 'max-completion-tokens',
    about: 'the newer name of max_tokens',
    requests: 1,
    tokens: 32,
    run: ({ ask }) =>
      ask('max-completion-tokens', { messages: river, max_completion_tokens: 4, ...withUsage }),
  },
  {
    name: 'neutral-values',
    about: 'fields whose values ask for nothing',
    requests: 1,
    tokens: 4,
    run: ({ ask }) => ask('neutral-values', { messages: river, max_tokens: 4, ...neutralValues }),
  },
  {
    name: 'content-parts',
    about: 'content as a list of parts',
    requests: 1,
    tokens: 4,
    run: ({ ask }) =>
      ask('content-parts', { messages: user([{ type: 'text', text: 'Say hello.' }]), max_tokens: 4 }),
  },
  {
    name: 'developer-role',
    about: 'a message of the role developer',
    requests: 1,
    tokens: 4,
    run: ({ ask }) =>
      ask('developer-role', {
        messages: [{ role: 'developer', content: 'Be brief.' }, ...user('Say hello.')],
        max_tokens: 4,
      }),
  },
  {
    name: 'tool-result',
    about: 'a conversation with a tool call and its result',
    requests: 1,
    tokens: 8,
    run: ({ ask }) => ask('tool-result', { ...afterCall, max_tokens: 8 }),
  },
  {
    name: 'unicode',
    about: 'a text of many scripts',
    requests: 1,
    tokens: 40,
    run: ({ ask }) => ask('unicode', { messages: manyScripts, max_tokens: 40, stream: true }),
  },
  {
    name: 'choices',
    about: 'two choices in one stream',
    requests: 1,
    tokens: 16,
    run: ({ ask }) => ask('choices', { messages: river, n: 2, max_tokens: 8, ...withUsage }),
  },
  {
    name: 'logprobs',
    about: 'log probabilities, streaming and not',
    requests: 2,
    tokens: 8,
    async run({ ask }) {
      const fields = { messages: river, logprobs: true, top_logprobs: 2, max_tokens: 4 };
      await ask('logprobs/stream', { ...fields, stream: true });
      await ask('logprobs/whole', fields);
    },
  },
  {
    name: 'accept-json',
    about: 'a stream for a client whose Accept says JSON',
    requests: 1,
    tokens: 4,
    run: ({ ask }) =>
      ask(
        'accept-json',
        { messages: river, max_tokens: 4, stream: true },
        { headers: { accept: 'application/json' } },
      ),
  },
  {
    name: 'options-without-stream',
    about: 'stream_options without stream',
    requests: 1,
    tokens: 4,
    run: ({ ask }) =>
      ask('options-without-stream', {
        messages: river,
        max_tokens: 4,
        stream_options: { include_usage: true },
      }),
  },
  {
    name: 'unknown-url',
    about: 'an address that there is not',
    requests: 1,
    tokens: 0,
    run: ({ send }) => send('unknown-url', { method: 'GET', path: '/no-such-route' }),
  },
  {
    name: 'http-1.0',
    about: 'a stream over HTTP/1.0',
    requests: 1,
    tokens: 8,
    run: ({ ask }) => ask('http-1.0', { messages: river, max_tokens: 8, stream: true }, { version: '1.0' }),
  },
  {
    name: 'parallel',
    about: 'three streams at once',
    requests: 3,
    tokens: 48,
    alone: true,
    run: ({ ask }) =>
      Promise.all(
        [1, 2, 3].map((number) =>
          ask(`parallel/${number}`, { messages: river, max_tokens: 16, ...withUsage }, { waits: false }),
        ),
      ),
  },
  disconnectProbe,
  {
    name: 'slow-reader',
    about: 'a stream whose reader stops for a second',
    requests: 1,
    tokens: 96,
    alone: true,
    run: ({ ask }) =>
      ask(
        'slow-reader',
        { messages: longStory, max_tokens: 96, ...withUsage },
        { pauseAfter: { events: 2, pauseMs: 1_000 } },
      ),
  },
  {
    name: 'cancel',
    about: 'a stream that is cancelled (where the endpoint has Tailrace’s route for it)',
    requests: 2,
    tokens: 400,
    alone: true,
    async run({ ask, send, earlier }) {
      const known = earlier('stream')?.response;
      if (known === undefined || headerOf(known, 'tailrace-completion-id') === undefined) return;
      let order: Promise<unknown> = Promise.resolve();
      await ask(
        'cancel',
        { messages: longStory, max_tokens: 400, stream: true },
        {
          onBody: (response) => {
            const id = headerOf(response, 'tailrace-completion-id');
            order = send('cancel/order', { method: 'POST', path: `/chat/completions/${id}/cancel` });
          },
        },
      );
      await order;
    },
  },
  resumeProbe,
];
