import type { RequestOptions } from '../client/options.ts';
import { TailraceError } from '../errors/errors.ts';
import type { ChatStream } from '../stream/contract.ts';
import { firstDelta } from '../stream/snapshot.ts';
import { createToolCalls } from '../stream/tool-calls.ts';
import { parseOutput } from '../structured/parse-output.ts';
import { jsonSchemaOf } from '../structured/response-format.ts';
import { isStandardSchema } from '../structured/standard-schema.ts';
import type {
  ChatCompletion,
  ChatCompletionCreateParamsBase,
  ChatCompletionMessageToolCall,
  ChatCompletionTool,
} from '../types/chat.ts';
import type {
  AutoParseableTool,
  RunnableTool,
  RunToolsOptions,
  RunToolsParams,
  ToolRunner,
} from './contract.ts';
import type { SharedRun } from './lazy-runner.ts';
import { createToolRunner, type ToolRun } from './tool-runner.ts';

/** What a loop asks: `client.chat.completions`. */
export interface Asked {
  create(
    body: ChatCompletionCreateParamsBase & { stream?: boolean | null },
    options?: RequestOptions,
  ): PromiseLike<ChatCompletion | ChatStream>;
}

/** What goes to the model for one call; `ran`: its function has run. */
interface Result {
  readonly content: string;
  readonly ran: boolean;
}

// biome-ignore lint/suspicious/noExplicitAny: each tool has arguments of its own.
type AnyTool = RunnableTool<any, any>;

/** Starts a run. It begins later, so that the caller can listen before. */
export function runTools<Context>(
  asked: Asked,
  params: RunToolsParams<Context>,
  options: RunToolsOptions,
  shared: SharedRun,
): ToolRunner {
  return createToolRunner((run) => runToolLoop(asked, params, options, run), shared, options.signal);
}

/** Asks the model, runs what it calls, and asks again with the results, until it answers without a call. */
async function runToolLoop<Context>(
  asked: Asked,
  params: RunToolsParams<Context>,
  { maxChatCompletions = 10, toolErrors = 'throw', afterCompletion, ...options }: RunToolsOptions,
  run: ToolRun,
): Promise<void> {
  const { tools, toolContext, messages: given, ...rest } = params;
  const { runner } = run;
  const { signal } = runner.controller;
  const runnable = tools.map(runnableTool);
  const byName = new Map<string, AnyTool>(runnable.map((tool) => [nameOf(tool), tool]));
  const choice = rest.tool_choice;
  /** The one function that the caller wants to have called: it is called once. */
  const wanted = typeof choice === 'object' ? choice.function.name : undefined;
  runner.messages.push(...given);

  async function ask(): Promise<ChatCompletion> {
    const body = { ...rest, tools: runnable.map(wireTool), messages: runner.messages.map(withoutParsed) };
    const answer = await asked.create(body, { ...options, signal });
    run.emit('connect');
    const completion = 'finalCompletion' in answer ? await follow(answer) : whole(answer);
    run.completions.push(completion);
    run.emit('chatCompletion', completion);
    run.tell({ type: 'completion', completion });
    return completion;
  }

  async function follow(stream: ChatStream): Promise<ChatCompletion> {
    for (const name of run.pieceEvents()) stream.on(name, (event: unknown) => run.emit(name, event as never));
    for await (const chunk of stream) {
      const { snapshot } = stream;
      run.emit('chunk', chunk, snapshot);
      run.tellChunk(chunk);
      const delta = firstDelta(chunk)?.content;
      if (delta) say(delta, snapshot.choices[0]?.message.content ?? delta);
      await run.taken();
    }
    return stream.finalCompletion();
  }

  /** An answer that was not streamed, with the calls of sloppy servers put right. */
  function whole(completion: ChatCompletion): ChatCompletion {
    const message = completion.choices[0]?.message;
    if (message?.tool_calls?.length) {
      const { add, finish, calls } = createToolCalls();
      add(message);
      finish();
      message.tool_calls = [...calls];
    }
    if (message?.content) say(message.content, message.content);
    return completion;
  }

  function say(delta: string, text: string): void {
    run.emit('content', delta, text);
    run.tell({ type: 'content', delta });
  }

  async function call({ function: called }: ChatCompletionMessageToolCall): Promise<Result> {
    const { name, arguments: text } = called;
    const tool = byName.get(name);
    if (tool === undefined || (wanted !== undefined && wanted !== name)) {
      const names = (wanted === undefined ? [...byName.keys()] : [wanted]).map((one) => JSON.stringify(one));
      const options = `Available options are: ${names.join(', ')}. Please try again`;
      return { content: `Invalid tool_call: ${JSON.stringify(name)}. ${options}`, ran: false };
    }
    let args: unknown;
    try {
      args = await argumentsOf(tool, text);
    } catch (error) {
      return { content: messageOf(error), ran: false };
    }
    signal.throwIfAborted();
    try {
      return { content: textOf(await tool.function.function(args, runner, toolContext)), ran: true };
    } catch (error) {
      if (toolErrors === 'throw') throw error;
      return { content: messageOf(error), ran: true };
    }
  }

  function take({ id }: ChatCompletionMessageToolCall, { content }: Result): void {
    const message = { role: 'tool', tool_call_id: id, content } as const;
    runner.messages.push(message);
    run.emit('message', message);
    run.emit('functionToolCallResult', content);
    run.tell({ type: 'toolResult', id, content });
    run.tell({ type: 'message', message });
  }

  /** Runs the calls, one by one or together. Returns whether the function that was wanted has run. */
  async function runAll(calls: readonly ChatCompletionMessageToolCall[]): Promise<boolean> {
    if (wanted === undefined && params.parallel_tool_calls !== false) {
      // All of them end before the error of one ends the run: none runs on unseen.
      const results = await untilAborted(Promise.allSettled(calls.map(call)));
      for (const [at, own] of calls.entries()) {
        const result = results[at];
        if (result?.status === 'rejected') throw result.reason;
        if (result !== undefined) take(own, result.value);
      }
      return false;
    }
    for (const one of calls) {
      const result = await untilAborted(call(one));
      take(one, result);
      if (wanted !== undefined && result.ran) return true;
    }
    return false;
  }

  /** A function that runs when the run is aborted is not waited for. */
  function untilAborted<Value>(work: Promise<Value>): Promise<Value> {
    return new Promise((resolve, reject) => {
      const abort = (): void => reject(signal.reason);
      if (signal.aborted) abort();
      signal.addEventListener('abort', abort, { once: true });
      work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
    });
  }

  for (let count = 0; count < maxChatCompletions; count += 1) {
    signal.throwIfAborted();
    const completion = await ask();
    const message = completion.choices[0]?.message;
    if (message === undefined) throw new TailraceError('The answer has no choice.');
    runner.messages.push(message);
    run.emit('message', message);
    run.tell({ type: 'message', message });
    const calls = message.tool_calls ?? [];
    for (const one of calls) {
      run.emit('functionToolCall', one.function);
      run.tell({ type: 'toolCall', call: one });
    }
    const isOver = calls.length === 0 || (await runAll(calls));
    await afterCompletion?.(completion, runner);
    await run.taken();
    if (isOver) return;
  }
}

/** A tool of `zodFunction` as any other. */
function runnableTool(tool: AnyTool | AutoParseableTool<unknown>): AnyTool {
  if (!('$parseRaw' in tool)) return tool;
  const { $callback: called, $parseRaw: parse } = tool;
  const { strict, ...rest } = tool.function;
  if (called === undefined) throw new TailraceError(`The tool ${JSON.stringify(rest.name)} has no function.`);
  return { type: 'function', function: { ...rest, strict: strict ?? true, parse, function: called } };
}

function nameOf({ function: { name, function: called } }: AnyTool): string {
  return name ?? called.name;
}

function wireTool(tool: AnyTool): ChatCompletionTool {
  const { description, parameters, strict } = tool.function;
  return {
    type: 'function',
    function: {
      name: nameOf(tool),
      ...(description === undefined ? {} : { description }),
      ...(parameters === undefined ? {} : { parameters: jsonSchemaOf(parameters) }),
      ...(strict === undefined ? {} : { strict }),
    },
  };
}

function argumentsOf({ function: { parse, parameters } }: AnyTool, text: string): unknown {
  if (parse !== undefined) return parse(text);
  return isStandardSchema(parameters) ? parseOutput(text, parameters) : text;
}

/** A message as a request takes it: `parsed` is this package's own. */
function withoutParsed<Message extends object>(message: Message): Message {
  if (!('parsed' in message)) return message;
  const { parsed: _, ...rest } = message;
  return rest as Message;
}

function textOf(result: unknown): string {
  return typeof result === 'string' ? result : (JSON.stringify(result) ?? 'undefined');
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
