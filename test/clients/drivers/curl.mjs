// The curl command, unbuffered, as the start banner suggests it.
import { spawn } from 'node:child_process';
import { noteChunk, noteCompletion, serve } from './lines.mjs';

/** Runs curl and hands its output over as it comes; `onText` returning false kills it. */
function curl(call, path, body, onText) {
  const headers = { authorization: `Bearer ${call.apiKey}`, ...call.headers };
  const args = ['--silent', '--no-buffer', '--write-out', '\\n%{http_code}', `${call.baseUrl}${path}`];
  for (const [name, value] of Object.entries(headers)) args.push('--header', `${name}: ${value}`);
  // The body comes on standard input: one of the cases is larger than a command line may be.
  if (body !== undefined) args.push('--header', 'content-type: application/json', '--data-binary', '@-');
  const child = spawn('curl', args, { stdio: ['pipe', 'pipe', 'inherit'] });
  child.stdin.on('error', () => {});
  child.stdin.end(body === undefined ? undefined : JSON.stringify(body));
  return new Promise((resolve, reject) => {
    let text = '';
    child.once('error', reject);
    child.stdout.setEncoding('utf8').on('data', (piece) => {
      text += piece;
      if (onText?.(text) === false) child.kill();
    });
    child.once('close', (exitCode) => {
      const cut = text.lastIndexOf('\n');
      resolve({ status: Number(text.slice(cut + 1)), text: text.slice(0, cut), exitCode });
    });
  });
}

function orThrow(answer) {
  if (answer.status < 400) return answer.text;
  const { error } = JSON.parse(answer.text);
  throw Object.assign(new Error(error.message), { status: answer.status, ...error });
}

const post = (call, body, onText) => curl(call, '/chat/completions', body, onText);

async function complete(call, outcome) {
  noteCompletion(outcome, JSON.parse(orThrow(await post(call, call.request))));
}

async function stream(call, outcome) {
  const answer = await post(call, { ...call.request, stream: true }, (text) => {
    const pieces = text.match(/"content":"[^"]/g)?.length ?? 0;
    return call.stopAfter === undefined || pieces < call.stopAfter;
  });
  if (call.stopAfter !== undefined) return;
  const text = orThrow(answer);
  outcome.iterating = true;
  // By line: with ids, an event does not begin with its data.
  const events = text.split('\n').filter((line) => line.startsWith('data: '));
  for (const event of events) {
    if (event === 'data: [DONE]') continue;
    const chunk = JSON.parse(event.slice(6));
    if (chunk.error) throw Object.assign(new Error(chunk.error.message), chunk.error);
    noteChunk(outcome, chunk);
  }
  if (events.at(-1) !== 'data: [DONE]') throw new Error('the stream ended without [DONE]');
}

async function turns(call, outcome) {
  const first = JSON.parse(orThrow(await post(call, call.request)));
  const messages = [
    ...call.request.messages,
    first.choices[0].message,
    { role: 'user', content: call.question },
  ];
  await complete({ ...call, request: { ...call.request, messages } }, outcome);
}

async function models(call, outcome) {
  outcome.ids = JSON.parse(orThrow(await curl(call, '/models'))).data.map((model) => model.id);
}

async function model(call, outcome) {
  outcome.ids = [JSON.parse(orThrow(await curl(call, `/models/${call.modelId}`))).id];
}

serve({ complete, stream, turns, models, model }, (error) => ({
  status: error?.status ?? null,
  code: error?.code ?? null,
  param: error?.param ?? null,
  type: error?.type ?? null,
}));
