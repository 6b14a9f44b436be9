// Readers as people write them by hand over `fetch`, each with the mistake that its name says:
//   unguarded  joins the lines properly, but reads `chunk.choices[0].delta` on every chunk
//   unbuffered splits every network chunk on "\n" and parses each piece at once, keeping nothing over
import { noteCompletion, serve, usageOf } from './lines.mjs';

const buffered = process.argv[2] !== 'unbuffered';

const headersOf = (call) => ({
  authorization: `Bearer ${call.apiKey}`,
  'content-type': 'application/json',
  ...call.headers,
});

async function post(call, body, signal) {
  const response = await fetch(`${call.baseUrl}/chat/completions`, {
    method: 'POST',
    headers: headersOf(call),
    body: JSON.stringify(body),
    ...(signal === undefined ? {} : { signal }),
  });
  if (!response.ok) throw await refusal(response);
  return response;
}

async function refusal(response) {
  const { error } = await response.json();
  return Object.assign(new Error(error.message), { status: response.status, ...error });
}

async function complete(call, outcome) {
  noteCompletion(outcome, await (await post(call, call.request)).json());
}

async function stream(call, outcome) {
  const controller = new AbortController();
  const response = await post(call, { ...call.request, stream: true }, controller.signal);
  const decoder = new TextDecoder();
  outcome.iterating = true;
  let rest = '';
  for await (const bytes of response.body) {
    const pieces = (rest + decoder.decode(bytes, { stream: buffered })).split('\n');
    rest = buffered ? pieces.pop() : '';
    for (const line of pieces) {
      if (!line.startsWith('data: ')) continue;
      if (line === 'data: [DONE]') return;
      noteUnguarded(outcome, JSON.parse(line.slice(6)));
      if (outcome.pieces === call.stopAfter) controller.abort();
    }
  }
  throw new Error('the stream ended without [DONE]');
}

function noteUnguarded(outcome, chunk) {
  if (chunk.error) throw Object.assign(new Error(chunk.error.message), chunk.error);
  outcome.events += 1;
  const choice = chunk.choices[0];
  if (choice.delta.content) {
    outcome.text += choice.delta.content;
    outcome.pieces += 1;
  }
  outcome.finish = choice.finish_reason ?? outcome.finish;
  if (chunk.usage) {
    outcome.usage = usageOf(chunk.usage);
    outcome.usageEvents += 1;
  }
}

async function turns(call, outcome) {
  const first = await (await post(call, call.request)).json();
  const messages = [
    ...call.request.messages,
    first.choices[0].message,
    { role: 'user', content: call.question },
  ];
  noteCompletion(outcome, await (await post(call, { ...call.request, messages })).json());
}

async function get(call, path) {
  const response = await fetch(`${call.baseUrl}${path}`, { headers: headersOf(call) });
  if (!response.ok) throw await refusal(response);
  return response.json();
}

async function models(call, outcome) {
  outcome.ids = (await get(call, '/models')).data.map((model) => model.id);
}

async function model(call, outcome) {
  outcome.ids = [(await get(call, `/models/${call.modelId}`)).id];
}

serve({ complete, stream, turns, models, model }, (error) => ({
  status: error?.status ?? null,
  code: error?.code ?? null,
  param: error?.param ?? null,
  type: error?.type ?? null,
}));
