import type { RequestBody } from '../../chat/request-body.ts';
import { scriptLiteral, streams } from './literals.ts';

/** A package whose default export is a client in OpenAI’s shape. */
interface ScriptLibrary {
  readonly name: string;
  readonly client: string;
  /** The loop over `stream` that prints it. */
  readonly loop: readonly string[];
}

const openai: ScriptLibrary = {
  name: 'openai',
  client: 'OpenAI',
  loop: [
    'for await (const chunk of stream) {',
    `  process.stdout.write(chunk.choices[0]?.delta.content ?? '');`,
    '}',
  ],
};

const ours: ScriptLibrary = {
  name: 'tailrace',
  client: 'Tailrace',
  loop: ['for await (const text of stream.text()) process.stdout.write(text);'],
};

export const typescript = (body: RequestBody, origin: string): string => program(openai, body, origin);
export const typescriptOurs = (body: RequestBody, origin: string): string => program(ours, body, origin);

function program({ name, client, loop }: ScriptLibrary, body: RequestBody, origin: string): string {
  return [
    `import ${client} from '${name}';`,
    '',
    `const client = new ${client}({`,
    `  baseURL: '${origin}/v1',`,
    '  apiKey: process.env.TAILRACE_API_KEY,',
    '});',
    `const ${streams(body) ? 'stream' : 'completion'} = await client.chat.completions.create(${scriptLiteral(body)});`,
    ...(streams(body) ? loop : ['console.log(completion.choices[0]?.message.content);']),
  ].join('\n');
}
