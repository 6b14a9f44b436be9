// LangChain for JavaScript.
import { HumanMessage } from '@langchain/core/messages';
import { ChatOpenAI } from '@langchain/openai';
import { classesOf, serve } from './lines.mjs';

function open(call) {
  const { model, messages, max_tokens, temperature, top_p, stop, stream_options, ...more } = call.request;
  return new ChatOpenAI({
    model,
    apiKey: call.apiKey,
    maxRetries: 0,
    maxTokens: max_tokens,
    temperature,
    topP: top_p,
    stop,
    streamUsage: stream_options?.include_usage ?? true,
    modelKwargs: more,
    configuration: { baseURL: call.baseUrl, defaultHeaders: call.headers ?? {} },
  });
}

const usageOf = (usage) =>
  usage ? { prompt: usage.input_tokens, completion: usage.output_tokens, total: usage.total_tokens } : null;

function noteMessage(outcome, message) {
  outcome.text = message.text;
  outcome.finish = message.response_metadata.finish_reason;
  outcome.usage = usageOf(message.usage_metadata);
  outcome.usageEvents = message.usage_metadata ? 1 : 0;
}

async function complete(call, outcome) {
  noteMessage(outcome, await open(call).invoke(call.request.messages));
}

async function stream(call, outcome) {
  const controller = new AbortController();
  const chunks = await open(call).stream(call.request.messages, { signal: controller.signal });
  outcome.iterating = true;
  let whole;
  for await (const chunk of chunks) {
    outcome.events += 1;
    if (chunk.text !== '') outcome.pieces += 1;
    whole = whole === undefined ? chunk : whole.concat(chunk);
    if (chunk.usage_metadata) outcome.usageEvents += 1;
    outcome.text = whole.text;
    if (outcome.pieces === call.stopAfter) {
      if (call.how === 'break') break;
      controller.abort();
    }
  }
  // Usage is that of the joined message: LangChain adds up the chunks.
  outcome.usage = usageOf(whole?.usage_metadata);
  outcome.finish = whole?.response_metadata.finish_reason ?? null;
}

async function turns(call, outcome) {
  const chat = open(call);
  const first = await chat.invoke(call.request.messages);
  const messages = [...call.request.messages, first, new HumanMessage(call.question)];
  noteMessage(outcome, await chat.invoke(messages));
}

// A context overflow may come as an exception of LangChain's own around the one the SDK raised.
serve({ complete, stream, turns }, (error) => {
  const raised = error?.cause?.status === undefined ? error : error.cause;
  return {
    ...(raised === error ? {} : { classes: classesOf(raised) }),
    status: raised?.status ?? null,
    code: raised?.code ?? null,
    param: raised?.param ?? null,
    type: raised?.type ?? null,
  };
});
