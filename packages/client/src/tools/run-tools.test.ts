import { describe, expect, test } from 'vitest';
import { APIConnectionError, APIUserAbortError, Tailrace, TailraceError } from '../index.ts';
import type { StandardSchema } from '../structured/standard-schema.ts';
import { scriptedClient } from '../testing/scripted-client.ts';
import type { AutoParseableTool, RunnableTool, ToolRunner } from './contract.ts';

const call = (id: string, name: string, args: object | string = {}) => ({
  id,
  type: 'function',
  function: { name, arguments: typeof args === 'string' ? args : JSON.stringify(args) },
});
const messages = [{ role: 'user', content: 'Weather?' }] as const;
const parameters = { type: 'object', properties: { city: { type: 'string' } } };

interface Weather {
  city: string;
}

function weatherTool(run: (args: Weather, runner: ToolRunner) => unknown): RunnableTool<Weather> {
  const parse = (text: string): Weather => JSON.parse(text) as Weather;
  return {
    type: 'function',
    function: { name: 'get_weather', description: 'w', parameters, parse, function: run },
  };
}

const asked = { model: 'm', messages: [...messages] };

describe.each([false, true])('runTools (stream: %s)', (stream) => {
  test('runs what the model calls, sends the results, and ends with its answer', async () => {
    const { client, requests } = scriptedClient(
      { content: 'One moment.', tool_calls: [{ index: 0, ...call('a', 'get_weather', { city: 'Paris' }) }] },
      { content: 'Sunny.' },
    );
    const heard: unknown[] = [];
    const runner = client.chat.completions
      .runTools({ ...asked, stream, tools: [weatherTool(({ city }) => ({ city, sky: 'clear' }))] })
      .on('functionToolCall', ({ name }) => heard.push(name))
      .on('functionToolCallResult', (content) => heard.push(content))
      .on('message', ({ role }) => heard.push(role))
      .on('finalContent', (text) => heard.push(text))
      .on('end', () => heard.push('end'));
    let text = '';
    runner.on('content', (delta) => {
      text += delta;
    });
    expect(await runner.finalContent()).toBe('Sunny.');
    expect(text).toBe('One moment.Sunny.');
    const result = '{"city":"Paris","sky":"clear"}';
    expect(heard).toEqual(['assistant', 'get_weather', 'tool', result, 'assistant', 'Sunny.', 'end']);
    expect(requests).toHaveLength(2);
    expect(requests[0]).toMatchObject({
      messages,
      tools: [{ type: 'function', function: { name: 'get_weather', description: 'w', parameters } }],
    });
    expect(JSON.stringify(requests[0])).not.toContain('parse');
    expect(requests[1]?.['messages']).toEqual([
      ...messages,
      expect.objectContaining({
        role: 'assistant',
        content: 'One moment.',
        tool_calls: [call('a', 'get_weather', { city: 'Paris' })],
      }),
      { role: 'tool', tool_call_id: 'a', content: result },
    ]);
    expect(runner.messages).toHaveLength(4);
    expect(await runner.totalUsage()).toEqual({
      prompt_tokens: 6,
      completion_tokens: 4,
      total_tokens: 10,
      prompt_tokens_details: { cached_tokens: 2 },
    });
    expect((await runner.finalFunctionToolCall())?.name).toBe('get_weather');
    expect(await runner.finalFunctionToolCallResult()).toBe(result);
    expect(runner.allChatCompletions()).toHaveLength(2);
  });

  test('calls of a sloppy server are run with the ids and arguments that they need', async () => {
    const sloppy = [
      { index: 0, type: 'function', function: { name: 'get_weather', arguments: { city: 'A' } } },
      { index: 1, id: '', type: 'function', function: { name: 'get_weather', arguments: '{"city":"B"}' } },
    ];
    const { client, requests } = scriptedClient({ tool_calls: sloppy, finish: 'stop' }, { content: 'Done.' });
    const cities: string[] = [];
    const tools = [weatherTool(({ city }) => cities.push(city))];
    await client.chat.completions.runTools({ ...asked, stream, tools }).done();
    expect(cities).toEqual(['A', 'B']);
    const sent = requests[1]?.['messages'] as { tool_calls?: { id: string }[]; tool_call_id?: string }[];
    const ids = sent[1]?.tool_calls?.map(({ id }) => id);
    expect(ids).toEqual([expect.stringMatching(/^call_/), expect.stringMatching(/^call_/)]);
    expect(sent.slice(2).map(({ tool_call_id: id }) => id)).toEqual(ids);
  });

  test('parallel calls run together, and their results keep the order', async () => {
    const tool_calls = ['a', 'b'].map((id, index) => ({ index, ...call(id, 'get_weather', { city: id }) }));
    const { client } = scriptedClient({ tool_calls }, { content: 'Done.' });
    let open = (): void => {};
    const both = new Promise<void>((resolve) => {
      open = resolve;
    });
    const tools = [
      weatherTool(async ({ city }) => {
        if (city === 'b') open();
        await both;
        return city;
      }),
    ];
    const runner = client.chat.completions.runTools({ ...asked, stream, tools });
    await runner.done();
    expect(runner.messages.map(({ content }) => content).slice(2, 4)).toEqual(['a', 'b']);
  });

  test('with parallel_tool_calls: false one call ends before the next one begins', async () => {
    const tool_calls = ['a', 'b'].map((id, index) => ({ index, ...call(id, 'get_weather', { city: id }) }));
    const { client } = scriptedClient({ tool_calls }, { content: 'Done.' });
    const log: string[] = [];
    const tools = [
      weatherTool(async ({ city }) => {
        log.push(`${city} begins`);
        await new Promise((resolve) => setTimeout(resolve));
        log.push(`${city} ends`);
      }),
    ];
    await client.chat.completions.runTools({ ...asked, stream, tools, parallel_tool_calls: false }).done();
    expect(log).toEqual(['a begins', 'a ends', 'b begins', 'b ends']);
  });

  test('what cannot be called is told to the model', async () => {
    const tool_calls = [
      { index: 0, ...call('a', 'get_wether') },
      { index: 1, ...call('b', 'get_weather', '{"city":') },
    ];
    const { client } = scriptedClient({ tool_calls, finish: 'tool_calls' }, { content: 'Sorry.' });
    const runner = client.chat.completions.runTools({
      ...asked,
      stream,
      tools: [weatherTool(() => 'never')],
    });
    await runner.done();
    const [unknown, broken] = runner.messages.slice(2).map(({ content }) => content);
    expect(unknown).toBe(
      'Invalid tool_call: "get_wether". Available options are: "get_weather". Please try again',
    );
    expect(broken).toMatch(/JSON/);
  });

  test('what a function throws ends the run, or goes to the model', async () => {
    const tool_calls = [{ index: 0, ...call('a', 'get_weather', { city: 'A' }) }];
    const tools = [
      weatherTool(() => {
        throw new RangeError('no such city');
      }),
    ];
    const first = scriptedClient({ tool_calls });
    const failed = first.client.chat.completions.runTools({ ...asked, stream, tools });
    const errors: unknown[] = [];
    failed.on('error', (error) => errors.push(error));
    const error = await failed.done().catch((one: unknown) => one);
    expect(error).toBeInstanceOf(TailraceError);
    expect(error).toMatchObject({ message: 'no such city', cause: expect.any(RangeError) });
    expect(errors).toEqual([error]);
    expect(failed.errored).toBe(true);
    const second = scriptedClient({ tool_calls }, { content: 'Where?' });
    const runner = second.client.chat.completions.runTools(
      { ...asked, stream, tools },
      { toolErrors: 'return' },
    );
    expect(await runner.finalContent()).toBe('Where?');
    expect(runner.messages[2]?.content).toBe('no such city');
  });

  test('a function that was asked for by name is called once', async () => {
    const tool_calls = [{ index: 0, ...call('a', 'get_weather', { city: 'A' }) }];
    const { client, requests } = scriptedClient({ tool_calls });
    const tool_choice = { type: 'function', function: { name: 'get_weather' } } as const;
    const tools = [weatherTool(() => 'ok')];
    const runner = client.chat.completions.runTools({ ...asked, stream, tools, tool_choice });
    expect(await runner.finalFunctionToolCallResult()).toBe('ok');
    expect(requests).toHaveLength(1);
  });

  test('ends after as many completions as are allowed', async () => {
    const tool_calls = [{ index: 0, ...call('a', 'get_weather', { city: 'A' }) }];
    const { client, requests } = scriptedClient({ tool_calls }, { tool_calls }, { tool_calls });
    const tools = [weatherTool(() => 'ok')];
    const seen: number[] = [];
    await client.chat.completions
      .runTools(
        { ...asked, stream, tools },
        { maxChatCompletions: 2, afterCompletion: (_, { messages: all }) => void seen.push(all.length) },
      )
      .done();
    expect(requests).toHaveLength(2);
    expect(seen).toEqual([3, 5]);
  });

  test('arguments of a Standard Schema are validated, and its issues go to the model', async () => {
    const schema: StandardSchema<unknown, Weather> = {
      '~standard': {
        version: 1,
        vendor: 'test',
        validate: (value) =>
          typeof (value as Weather).city === 'string'
            ? { value: value as Weather }
            : { issues: [{ message: 'no text', path: ['city'] }] },
        jsonSchema: { input: () => parameters },
      },
    };
    const { client, requests } = scriptedClient(
      { tool_calls: [{ index: 0, ...call('a', 'f', { city: 1 }) }] },
      { tool_calls: [{ index: 0, ...call('b', 'f', { city: 'B' }) }] },
      { content: 'Done.' },
    );
    const tool = {
      type: 'function',
      function: { name: 'f', parameters: schema, function: ({ city }: Weather) => city },
    } as const;
    const runner = client.chat.completions.runTools({ ...asked, stream, tools: [tool] });
    await runner.done();
    expect(requests[0]).toMatchObject({ tools: [{ function: { name: 'f', parameters } }] });
    expect(runner.messages[2]?.content).toContain('city: no text');
    expect(runner.messages[4]?.content).toBe('B');
  });

  test('abort() ends the request that runs, and a function that runs', async () => {
    const tool_calls = [{ index: 0, ...call('a', 'get_weather', { city: 'A' }) }];
    // The second request is never answered.
    const { client } = scriptedClient({ tool_calls });
    const runner = client.chat.completions.runTools({ ...asked, stream, tools: [weatherTool(() => 'ok')] });
    runner.on('functionToolCallResult', () => setTimeout(() => runner.abort()));
    await expect(runner.done()).rejects.toThrow(APIUserAbortError);
    expect(runner.aborted).toBe(true);
    const tools = [
      weatherTool((_, own) => {
        own.abort();
        return new Promise(() => {});
      }),
    ];
    const again = scriptedClient({ tool_calls }).client.chat.completions.runTools({
      ...asked,
      stream,
      tools,
    });
    await expect(again.done()).rejects.toThrow(APIUserAbortError);
    const aborted = AbortSignal.abort();
    const never = scriptedClient().client.chat.completions.runTools(
      { ...asked, stream, tools },
      { signal: aborted },
    );
    await expect(never.done()).rejects.toThrow(APIUserAbortError);
  });

  test('events() has what happens, in order, and the run waits for the loop', async () => {
    const { client } = scriptedClient(
      { tool_calls: [{ index: 0, ...call('a', 'get_weather', { city: 'A' }) }] },
      { content: 'Sun' },
    );
    const runner = client.chat.completions.runTools({ ...asked, stream, tools: [weatherTool(() => 'ok')] });
    const seen: unknown[] = [];
    for await (const event of runner.events()) {
      seen.push(event.type === 'content' ? event.delta : event.type);
      await new Promise((resolve) => setTimeout(resolve));
    }
    expect(seen).toEqual([
      ...['completion', 'message', 'toolCall', 'toolResult', 'message'],
      ...['Sun', 'completion', 'message'],
    ]);
    expect(runner.ended).toBe(true);
  });
});

test('a streaming run gives its chunks, at the pace of the loop, and its error', async () => {
  const { client, requests } = scriptedClient(
    { tool_calls: [{ index: 0, ...call('a', 'get_weather', { city: 'A' }) }] },
    { content: 'Sun' },
  );
  const tools = [weatherTool(() => 'ok')];
  const runner = client.chat.completions.runTools({ ...asked, stream: true, tools });
  let text = '';
  for await (const { choices } of runner) text += choices[0]?.delta.content ?? '';
  expect(text).toBe('Sun');
  expect(requests).toHaveLength(2);
  const failing = scriptedClient({ content: 'Su', finish: '' }).client.chat.completions.runTools({
    ...asked,
    stream: true,
    tools,
  });
  const loop = async (): Promise<void> => {
    for await (const _ of failing);
  };
  await expect(loop()).rejects.toThrow(TailraceError);
});

test('counts that a server names after what all objects share change no object', async () => {
  const { client } = scriptedClient({ content: 'Hi.' });
  const runner = client.chat.completions.runTools({ ...asked, tools: [] });
  runner.on('chatCompletion', (completion) => {
    completion.usage = JSON.parse(
      '{"prompt_tokens":3,"__proto__":{"stained":1},"constructor":{"prototype":{"stained":1}}}',
    );
  });
  expect(await runner.totalUsage()).toEqual({ prompt_tokens: 3, completion_tokens: 0, total_tokens: 0 });
  expect({}).not.toHaveProperty('stained');
});

test('a listener of errors that throws does not leave a loop waiting', async () => {
  const client = new Tailrace({
    apiKey: 'k',
    maxRetries: 0,
    fetch: () => new Promise((_, reject) => setTimeout(reject)),
  });
  const runner = client.chat.completions.runTools({ ...asked, tools: [] });
  runner.on('error', () => {
    throw new Error('mine');
  });
  const loop = async () => {
    for await (const _ of runner.events());
  };
  await expect(loop()).rejects.toThrow(APIConnectionError);
});

/** As `zodFunction` of `openai/helpers/zod` makes it. */
function zodFunctionLike<Args>(
  name: string,
  parse: (text: string) => Args,
  callback?: (args: Args) => unknown,
) {
  const tool = { type: 'function' as const, function: { name, parameters, strict: true } };
  Object.defineProperties(tool, { $parseRaw: { value: parse }, $callback: { value: callback } });
  return tool as object as AutoParseableTool<Args>;
}

test('a tool of zodFunction is parsed by its schema and run, and its pieces are heard', async () => {
  const { client, requests } = scriptedClient(
    { tool_calls: [{ index: 0, ...call('a', 'get_weather', { city: 'Paris' }) }] },
    { content: 'Sunny.' },
  );
  const parse = (text: string): Weather => ({ city: (JSON.parse(text) as Weather).city.toUpperCase() });
  const tools = [zodFunctionLike('get_weather', parse, ({ city }) => `clear in ${city}`)];
  const seen: unknown[] = [];
  const runner = client.chat.completions
    .runTools({ ...asked, stream: true, tools })
    .on('tool_calls.function.arguments.done', ({ parsed_arguments }) => seen.push(parsed_arguments))
    .on('functionToolCallResult', (content) => seen.push(content));
  expect(await runner.finalContent()).toBe('Sunny.');
  expect(seen).toEqual([{ city: 'Paris' }, 'clear in PARIS']);
  expect(requests[0]?.['tools']).toEqual([
    { type: 'function', function: { name: 'get_weather', parameters, strict: true } },
  ]);
});

test('a tool of zodFunction without a function is refused by its name', async () => {
  const { client } = scriptedClient({ content: 'Hi.' });
  const runner = client.chat.completions.runTools({ ...asked, tools: [zodFunctionLike('f', JSON.parse)] });
  await expect(runner.done()).rejects.toThrow('The tool "f" has no function.');
});
