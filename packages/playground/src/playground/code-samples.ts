import type { RequestBody } from '../chat/request-body.ts';

export const languages = ['curl', 'Python', 'TypeScript', 'fetch'] as const;
export type Language = (typeof languages)[number];

/** The program that sends this request. The key is never part of it: each reads `TAILRACE_KEY` from the environment. */
export function codeSample(language: Language, body: RequestBody, origin: string): string {
  switch (language) {
    case 'curl':
      return curl(body, origin);
    case 'Python':
      return python(body, origin);
    case 'TypeScript':
      return typescript(body, origin);
    case 'fetch':
      return plainFetch(body, origin);
  }
}

const streams = (body: RequestBody): boolean => body['stream'] === true;
const json = (value: unknown, indent: number): string =>
  JSON.stringify(value, null, 2).replaceAll('\n', `\n${' '.repeat(indent)}`);

function curl(body: RequestBody, origin: string): string {
  // Inside of single quotes a shell knows no escape: the quote is closed, written and opened again.
  const text = json(body, 0).replaceAll("'", `'\\''`);
  return [
    `curl ${streams(body) ? '-N ' : ''}${origin}/v1/chat/completions \\`,
    `  -H "Authorization: Bearer $TAILRACE_KEY" \\`,
    `  -H "Content-Type: application/json" \\`,
    `  -d '${text}'`,
  ].join('\n');
}

function python(body: RequestBody, origin: string): string {
  const call = Object.entries(body).map(([name, value]) => `    ${name}=${pythonLiteral(value, 4)},`);
  return [
    'import os',
    'from openai import OpenAI',
    '',
    `client = OpenAI(base_url="${origin}/v1", api_key=os.environ["TAILRACE_KEY"])`,
    `${streams(body) ? 'stream' : 'completion'} = client.chat.completions.create(`,
    ...call,
    ')',
    ...(streams(body)
      ? ['for chunk in stream:', '    print(chunk.choices[0].delta.content or "", end="", flush=True)']
      : ['print(completion.choices[0].message.content)']),
  ].join('\n');
}

/** JSON's texts and numbers are Python's; its three words are not. */
function pythonLiteral(value: unknown, indent: number): string {
  const inner = ' '.repeat(indent + 4);
  const end = `\n${' '.repeat(indent)}`;
  if (value === null) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (Array.isArray(value)) {
    if (value.length === 0) return '[]';
    return `[\n${value.map((one) => `${inner}${pythonLiteral(one, indent + 4)},`).join('\n')}${end}]`;
  }
  if (typeof value === 'object') {
    const members = Object.entries(value).map(
      ([name, one]) => `${JSON.stringify(name)}: ${pythonLiteral(one, indent + 4)}`,
    );
    return `{${members.join(', ')}}`;
  }
  return JSON.stringify(value);
}

function typescript(body: RequestBody, origin: string): string {
  return [
    `import OpenAI from 'openai';`,
    '',
    `const client = new OpenAI({ baseURL: '${origin}/v1', apiKey: process.env.TAILRACE_KEY });`,
    `const ${streams(body) ? 'stream' : 'completion'} = await client.chat.completions.create(${json(body, 0)});`,
    streams(body)
      ? `for await (const chunk of stream) process.stdout.write(chunk.choices[0]?.delta.content ?? '');`
      : 'console.log(completion.choices[0]?.message.content);',
  ].join('\n');
}

function plainFetch(body: RequestBody, origin: string): string {
  return [
    `const response = await fetch('${origin}/v1/chat/completions', {`,
    `  method: 'POST',`,
    '  headers: {',
    '    authorization: `Bearer $' + '{process.env.TAILRACE_KEY}`,',
    `    'content-type': 'application/json',`,
    '  },',
    `  body: JSON.stringify(${json(body, 2)}),`,
    '});',
    ...(streams(body)
      ? [
          '// Server-sent events: lines `data: {…}`, the last one `data: [DONE]`.',
          'for await (const text of response.body.pipeThrough(new TextDecoderStream())) console.log(text);',
        ]
      : ['console.log((await response.json()).choices[0].message.content);']),
  ].join('\n');
}
