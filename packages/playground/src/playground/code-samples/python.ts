import type { RequestBody } from '../../chat/request-body.ts';
import { streams } from './literals.ts';

/** What the method of OpenAI's SDK takes by name; any other field goes into `extra_body`. */
const named = new Set(
  (
    'model messages stream stream_options temperature top_p max_tokens max_completion_tokens stop seed n presence_penalty ' +
    'frequency_penalty logit_bias logprobs top_logprobs response_format tools tool_choice parallel_tool_calls reasoning_effort ' +
    'verbosity user safety_identifier metadata store service_tier prompt_cache_key prediction modalities audio web_search_options ' +
    'functions function_call'
  ).split(' '),
);

/** A module that has a client in OpenAI’s shape. */
interface PythonLibrary {
  readonly name: string;
  readonly client: string;
  /** The loop over `stream` that prints it. */
  readonly loop: readonly string[];
}

const openai: PythonLibrary = {
  name: 'openai',
  client: 'OpenAI',
  loop: ['for chunk in stream:', '    print(chunk.choices[0].delta.content or "", end="", flush=True)'],
};

const ours: PythonLibrary = {
  name: 'tailrace',
  client: 'Tailrace',
  loop: ['for text in stream.text:', '    print(text, end="", flush=True)'],
};

export const python = (body: RequestBody, origin: string): string => program(openai, body, origin);
export const pythonOurs = (body: RequestBody, origin: string): string => program(ours, body, origin);

function program({ name, client, loop }: PythonLibrary, body: RequestBody, origin: string): string {
  const fields = Object.entries(body);
  const others = fields.filter(([field]) => !named.has(field));
  const call = [
    ...fields.filter(([field]) => named.has(field)),
    ...(others.length === 0 ? [] : [['extra_body', Object.fromEntries(others)] as const]),
  ].map(([field, value]) => `    ${field}=${pythonLiteral(value, 4)},`);
  return [
    'import os',
    '',
    `from ${name} import ${client}`,
    '',
    `client = ${client}(`,
    `    base_url="${origin}/v1",`,
    '    api_key=os.environ["TAILRACE_API_KEY"],',
    ')',
    `${streams(body) ? 'stream' : 'completion'} = client.chat.completions.create(`,
    ...call,
    ')',
    ...(streams(body) ? loop : ['print(completion.choices[0].message.content)']),
  ].join('\n');
}

/** JSON's texts and numbers are Python's; its three words are not. */
function pythonLiteral(value: unknown, indent: number): string {
  const inner = ' '.repeat(indent + 4);
  const end = `\n${' '.repeat(indent)}`;
  if (value === null) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (typeof value !== 'object') return JSON.stringify(value);
  const isList = Array.isArray(value);
  const lines = isList
    ? value.map((one) => pythonLiteral(one, indent + 4))
    : Object.entries(value).map(
        ([name, one]) => `${JSON.stringify(name)}: ${pythonLiteral(one, indent + 4)}`,
      );
  const [open, close] = isList ? '[]' : '{}';
  if (lines.length === 0) return `${open}${close}`;
  const brief = `${open}${lines.join(', ')}${close}`;
  if (brief.length + indent < 80 && !brief.includes('\n')) return brief;
  return `${open}\n${lines.map((line) => `${inner}${line},`).join('\n')}${end}${close}`;
}
