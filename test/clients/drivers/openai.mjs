// OpenAI's SDK for Node; the argument says which of the installed versions.
import { noteChunk, noteCompletion, serve } from './lines.mjs';

const { OpenAI } = await import(process.argv[2] ?? 'openai');

// Retries are off: a test checks the answer itself, not that of a third attempt.
const open = (call) =>
  new OpenAI({
    baseURL: call.baseUrl,
    apiKey: call.apiKey,
    maxRetries: 0,
    defaultHeaders: call.headers ?? {},
  });

async function complete(call, outcome) {
  noteCompletion(outcome, await open(call).chat.completions.create(call.request));
}

async function stream(call, outcome) {
  const chunks = await open(call).chat.completions.create({ ...call.request, stream: true });
  outcome.iterating = true;
  for await (const chunk of chunks) {
    noteChunk(outcome, chunk);
    if (outcome.pieces === call.stopAfter) {
      if (call.how === 'break') break;
      chunks.controller.abort();
    }
  }
}

/** The SDK's own accumulator, which needs a role and a finish and a constant id. */
async function helper(call, outcome) {
  const client = open(call);
  const completions = client.beta?.chat?.completions?.stream
    ? client.beta.chat.completions
    : client.chat.completions;
  const running = completions.stream({ ...call.request, stream: true });
  outcome.iterating = true;
  const completion = await running.finalChatCompletion();
  noteCompletion(outcome, completion);
}

// What the SDK shows, as it is: for tests that compare an upstream with this server in front of it.

async function seeChunks(call, outcome) {
  const chunks = await open(call).chat.completions.create({ ...call.request, stream: true });
  for await (const chunk of chunks) outcome.seen.push(chunk);
}

async function seeAccumulated(call, outcome) {
  outcome.seen.push(
    await open(call)
      .chat.completions.stream({ ...call.request, stream: true })
      .finalChatCompletion(),
  );
}

async function seeWhole(call, outcome) {
  outcome.seen.push(await open(call).chat.completions.create(call.request));
}

async function turns(call, outcome) {
  const client = open(call);
  const first = await client.chat.completions.create(call.request);
  const messages = [
    ...call.request.messages,
    first.choices[0].message,
    { role: 'user', content: call.question },
  ];
  noteCompletion(outcome, await client.chat.completions.create({ ...call.request, messages }));
}

async function models(call, outcome) {
  for await (const model of open(call).models.list()) outcome.ids.push(model.id);
}

async function model(call, outcome) {
  outcome.ids.push((await open(call).models.retrieve(call.modelId)).id);
}

const operations = { complete, stream, helper, seeChunks, seeAccumulated, seeWhole, turns, models, model };
serve(operations, (error) => ({
  status: error?.status ?? null,
  code: error?.code ?? null,
  param: error?.param ?? null,
  type: error?.type ?? null,
}));
