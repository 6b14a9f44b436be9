import { isObject, parsed } from '../../api/json.ts';
import type { RequestBody } from '../../chat/request-body.ts';
import { scriptLiteral, streams } from './literals.ts';

type Json = Readonly<Record<string, unknown>>;

/** What the AI SDK names in its own way. */
const renamed: Readonly<Record<string, string>> = {
  max_tokens: 'maxOutputTokens',
  temperature: 'temperature',
  top_p: 'topP',
  seed: 'seed',
  stop: 'stopSequences',
  frequency_penalty: 'frequencyPenalty',
  presence_penalty: 'presencePenalty',
};
/** What stands elsewhere in the program. */
const apart = new Set(['model', 'messages', 'stream', 'tools', 'tool_choice']);

/** The same request through Vercel's AI SDK: what this has no name for goes as an option of the provider, under its own name. */
export function aiSdk(body: RequestBody, origin: string): string {
  const tools = listIn(body['tools']);
  const messages = listIn(body['messages']);
  const system = messages[0]?.['role'] === 'system' ? messages[0]['content'] : undefined;
  const named = Object.entries(body).filter(([name]) => renamed[name] !== undefined);
  const others = Object.entries(body).filter(([name]) => renamed[name] === undefined && !apart.has(name));
  const doing = streams(body) ? 'streamText' : 'generateText';
  const settings = [
    `  model: tailrace(${scriptLiteral(body['model'])}),`,
    ...(system === undefined ? [] : [`  instructions: ${scriptLiteral(system)},`]),
    `  messages: ${scriptLiteral(modelMessages(messages.slice(system === undefined ? 0 : 1)), 2)},`,
    ...named.map(([name, value]) => `  ${renamed[name]}: ${scriptLiteral(value, 2)},`),
    ...(tools.length === 0 ? [] : ['  tools: {', ...tools.map(toolLine), '  },']),
    ...(body['tool_choice'] === undefined
      ? []
      : [`  toolChoice: ${scriptLiteral(toolChoice(body['tool_choice']), 2)},`]),
    ...(others.length === 0
      ? []
      : [`  providerOptions: { tailrace: ${scriptLiteral(Object.fromEntries(others), 2)} },`]),
  ];
  return [
    `import { createOpenAICompatible } from '@ai-sdk/openai-compatible';`,
    `import { ${[doing, ...(tools.length === 0 ? [] : ['jsonSchema', 'tool'])].toSorted().join(', ')} } from 'ai';`,
    '',
    'const tailrace = createOpenAICompatible({',
    `  name: 'tailrace',`,
    `  baseURL: '${origin}/v1',`,
    '  apiKey: process.env.TAILRACE_API_KEY,',
    '});',
    streams(body) ? `const { textStream } = streamText({` : `const { text } = await generateText({`,
    ...settings,
    '});',
    streams(body) ? 'for await (const text of textStream) process.stdout.write(text);' : 'console.log(text);',
  ].join('\n');
}

function listIn(value: unknown): readonly Json[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

function toolLine({ function: given }: Json): string {
  const { name, description, parameters } = isObject(given) ? given : {};
  const about = description === undefined ? '' : `description: ${scriptLiteral(description)}, `;
  return `    ${scriptLiteral(name)}: tool({ ${about}inputSchema: jsonSchema(${scriptLiteral(parameters ?? { type: 'object' }, 4)}) }),`;
}

function toolChoice(choice: unknown): unknown {
  const named = isObject(choice) && isObject(choice['function']) ? choice['function']['name'] : undefined;
  return named === undefined ? choice : { type: 'tool', toolName: named };
}

/** Calls and results are parts of a message there, and a result names its tool. */
function modelMessages(messages: readonly Json[]): readonly Json[] {
  const toolNames = new Map<unknown, unknown>();
  return messages.map(({ role, content, tool_calls: calls, tool_call_id: callId, ...rest }) => {
    if (role === 'tool') {
      const result = { type: 'tool-result', toolCallId: callId, toolName: toolNames.get(callId) };
      return { role, content: [{ ...result, output: { type: 'text', value: content } }] };
    }
    if (!Array.isArray(calls)) return { role, content, ...rest };
    const parts = listIn(calls).map(({ id, function: called }) => {
      const { name, arguments: json } = isObject(called) ? called : {};
      toolNames.set(id, name);
      return { type: 'tool-call', toolCallId: id, toolName: name, input: parsed(String(json)) ?? {} };
    });
    const text = typeof content === 'string' && content !== '' ? [{ type: 'text', text: content }] : [];
    return { role, content: [...text, ...parts] };
  });
}
