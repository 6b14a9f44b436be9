import type { RequestBody } from '../../chat/request-body.ts';
import { scriptLiteral, streams } from './literals.ts';

export function plainFetch(body: RequestBody, origin: string): string {
  return [
    `const response = await fetch('${origin}/v1/chat/completions', {`,
    `  method: 'POST',`,
    '  headers: {',
    '    authorization: `Bearer $' + '{process.env.TAILRACE_API_KEY}`,',
    `    'content-type': 'application/json',`,
    '  },',
    `  body: JSON.stringify(${scriptLiteral(body, 2)}),`,
    '});',
    'if (!response.ok) throw new Error(await response.text());',
    ...(streams(body)
      ? [
          '// Server-sent events: lines `data: {…}`, the last one `data: [DONE]`.',
          `let rest = '';`,
          'for await (const text of response.body.pipeThrough(new TextDecoderStream())) {',
          `  const lines = (rest + text).split('\\n');`,
          '  rest = lines.pop();',
          '  for (const line of lines) {',
          `    if (!line.startsWith('data: ') || line === 'data: [DONE]') continue;`,
          '    const event = JSON.parse(line.slice(6));',
          '    if (event.error) throw new Error(event.error.message);',
          `    process.stdout.write(event.choices[0].delta.content ?? '');`,
          '  }',
          '}',
        ]
      : ['console.log((await response.json()).choices[0].message.content);']),
  ].join('\n');
}
