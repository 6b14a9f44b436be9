import type { TestServer } from '../support/server.ts';

/** None has the form of a key: the server can hide them only because it knows them. */
export const planted = {
  upstreamKey: 'plantedkey-quince-one',
  secondUpstreamKey: 'plantedkey-sorb-two',
  upstreamHeader: 'plantedheader-medlar',
  databasePassword: 'plantedpassword-damson',
  redisPassword: 'plantedpassword-bullace',
  webhookSecret: 'plantedsecret-loquat',
  webhookUrlToken: 'plantedtoken-cornel',
  reloaded: 'plantedvalue-azarole',
} as const;

/** In every text of a prompt, and in the answers. */
export const promptWord = 'zebrawort';
export const answerWord = 'yellowroot';
export const user = 'user-of-records';

export const models = [
  'answers',
  'refuses-request',
  'refuses-key',
  'limits-key',
  'fails',
  'talks-html',
  'breaks',
  'babbles',
  'cuts',
  'lasts',
] as const;

interface Asked {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** A text beside the prompt that the sender may get back: its own path or tag. */
  readonly own?: string;
}

/** Sends a request; the answer is kept where it is an error, or ends in one. */
export async function send(
  server: TestServer,
  errors: string[],
  { path, own = '', ...asked }: Asked,
): Promise<string> {
  const response = await fetch(`${server.baseUrl}${path ?? '/v1/chat/completions'}`, {
    method: 'POST',
    ...asked,
    headers: { 'content-type': 'application/json', ...asked.headers },
  });
  const answered = await response.text().catch(() => '');
  const kept = `${JSON.stringify([...response.headers])} ${own === '' ? answered : answered.replaceAll(own, '')}`;
  if (response.status >= 400) errors.push(kept);
  else errors.push(...(/data: \{"error".*/.exec(answered) ?? []));
  return answered;
}

const prompt = (place: string): string => `${promptWord} ${place} Tell me all about ${promptWord}.`;

/** A request with a prompt in each place that can have one. */
export function chat(model: string, more: object = {}): string {
  return JSON.stringify({
    model,
    user,
    messages: [
      { role: 'system', content: prompt('system') },
      { role: 'user', name: promptWord, content: [{ type: 'text', text: prompt('part') }] },
    ],
    metadata: { note: prompt('metadata') },
    tools: [
      {
        type: 'function',
        function: { name: `call_${promptWord}`, description: prompt('tool'), parameters: { type: 'object' } },
      },
    ],
    stop: [prompt('stop')],
    ...more,
  });
}

/** Bodies that are refused. */
const badBodies: readonly string[] = [
  `{"model": "lab/answers", "messages": [{"role": "user", "content": "${promptWord}`,
  `${promptWord}`,
  `"${promptWord}"`,
  chat('lab/answers', { messages: prompt('messages') }),
  chat('lab/answers', { messages: [{ role: prompt('role'), content: 'x' }] }),
  chat('lab/answers', { messages: [{ role: 'user', content: { text: prompt('content') } }] }),
  chat('lab/answers', { temperature: prompt('temperature') }),
  chat('lab/answers', { stop: [[prompt('stop')]] }),
  chat('lab/answers', { tool_choice: { type: 'function', function: { name: prompt('choice') } } }),
  chat('lab/answers', { max_tokens: prompt('max') }),
  chat('lab/answers', {
    response_format: {
      type: 'json_schema',
      json_schema: { name: 'a', schema: { type: prompt('schema'), pattern: prompt('pattern') } },
    },
  }),
];

/** Requests of every kind, with a stored key. */
export async function play(server: TestServer, key: string, errors: string[]): Promise<void> {
  const authorized = { authorization: `Bearer ${key}`, 'tailrace-tags': 'team=blue' };
  const busy = models.filter((model) => model !== 'lasts');
  await Promise.all(
    busy.flatMap((model) =>
      [true, false, true].map((stream) =>
        send(server, errors, { headers: authorized, body: chat(`lab/${model}`, { stream }) }),
      ),
    ),
  );
  for (const body of badBodies) await send(server, errors, { headers: authorized, body });
  const wrongKey = 'tr_wrong0123456789abcdefghijklmnopqrstuvwxyz';
  const misused: readonly Asked[] = [
    { headers: { authorization: `Bearer ${wrongKey}` }, body: chat('lab/answers') },
    { headers: { authorization: `Basic ${planted.upstreamKey}` }, body: chat('lab/answers') },
    { headers: { ...authorized, 'x-api-key': planted.secondUpstreamKey }, body: chat('lab/answers') },
    { headers: { authorization: `Bearer ${planted.upstreamKey}` }, body: chat('lab/answers') },
    {
      headers: { ...authorized, 'tailrace-tags': `team=${planted.upstreamKey}!` },
      body: chat('lab/answers'),
      own: planted.upstreamKey,
    },
    { headers: { ...authorized, 'x-request-id': `mine ${key}` }, body: chat('lab/answers') },
    { path: `/v1/models?api_key=${key}`, method: 'GET' },
    { path: `/v1/models?a=${key}`, method: 'GET', headers: authorized },
    { path: `/v1/${key}`, method: 'GET', own: key },
    { path: `/v1/models/${key}`, method: 'GET', headers: authorized },
    {
      path: `/admin/v1/keys/${key}`,
      method: 'GET',
      headers: { authorization: `Bearer ${server.adminKey}` },
      own: key,
    },
    { path: '/admin/v1/keys', headers: authorized, body: JSON.stringify({ name: key }) },
  ];
  for (const asked of misused) await send(server, errors, asked);
}
