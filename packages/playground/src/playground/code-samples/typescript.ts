import type { RequestBody } from '../../chat/request-body.ts';
import { scriptLiteral, streams } from './literals.ts';

export function typescript(body: RequestBody, origin: string): string {
  return [
    `import OpenAI from 'openai';`,
    '',
    'const client = new OpenAI({',
    `  baseURL: '${origin}/v1',`,
    '  apiKey: process.env.TAILRACE_API_KEY,',
    '});',
    `const ${streams(body) ? 'stream' : 'completion'} = await client.chat.completions.create(${scriptLiteral(body)});`,
    ...(streams(body)
      ? [
          'for await (const chunk of stream) {',
          `  process.stdout.write(chunk.choices[0]?.delta.content ?? '');`,
          '}',
        ]
      : ['console.log(completion.choices[0]?.message.content);']),
  ].join('\n');
}
