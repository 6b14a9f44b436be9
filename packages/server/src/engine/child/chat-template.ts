import type { Result } from '../../domain/failure.ts';
import { parseForeignJson } from '../../domain/json.ts';
import type { TaskOwner } from '../../worker/killable-thread.ts';
import type { PromptMessage, PromptTool } from '../between/protocol.ts';
import { describeTools, type TemplateTool, writtenCall, writtenResult } from './generic-tools.ts';

/** A message in the form of chat templates. */
export interface TemplateMessage {
  role: PromptMessage['role'];
  content: string;
  name?: string;
  tool_call_id?: string;
  tool_calls?: { id: string; type: 'function'; function: { name: string; arguments: unknown } }[];
}

/** The abilities of a template, found by rendering a few short chats. */
export interface TemplateAbilities {
  /** Where a system message is rendered: anywhere, only as the first message, or nowhere. */
  readonly system: 'anywhere' | 'first' | 'nowhere';
  /** False where the template refuses two successive messages of one role. */
  readonly repeatedRoles: boolean;
  /** True where tool calls and their results are rendered. */
  readonly tools: boolean;
  /** True where the template describes the functions to the model. */
  readonly toolDefinitions: boolean;
}

/** The facts about a template, found when it was opened. */
export interface TemplateFacts {
  /** The template that is used: that of the file, or the generic one. */
  readonly source: string;
  readonly abilities: TemplateAbilities;
  /** Stop strings, where the turns of the template do not end with a control token. */
  readonly stop: readonly string[];
  /** The reason why the template of the file is not used; undefined where it is. */
  readonly warning: string | undefined;
}

export interface ChatTemplate extends TemplateFacts {
  /** Fails with `invalid_value` where the template refuses the messages, or takes too much time or memory for them. */
  render(
    messages: readonly TemplateMessage[],
    tools: readonly TemplateTool[],
    owner: TaskOwner,
  ): Promise<Result<string>>;
}

export type Render = (messages: readonly TemplateMessage[], tools: readonly TemplateTool[]) => string;

/**
 * ChatML, for files without a template: most small models were trained with its turns. In a vocabulary without its
 * markers these are plain text, so the closing one is also a stop string.
 */
const genericTemplate =
  "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}{% endfor %}" +
  "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";
const genericStop = ['<|im_end|>'];

/** Tries the template of a file; uses the generic one where there is none or it fails. A template can take any time. */
export function openTemplate(source: string | undefined, compile: (source: string) => Render): TemplateFacts {
  let warning: string | undefined;
  if (source !== undefined) {
    try {
      const render = compile(source);
      render([{ role: 'user', content: 'probe' }], []);
      return { source, abilities: probe(render), stop: [], warning: undefined };
    } catch (error) {
      warning = `the file's chat template can't be used (${error instanceof Error ? error.message : 'unknown error'}); using ChatML`;
    }
  }
  const abilities = probe(compile(genericTemplate));
  return { source: genericTemplate, abilities, stop: genericStop, warning };
}

function probe(render: Render): TemplateAbilities {
  const user: TemplateMessage = { role: 'user', content: 'u' };
  const assistant: TemplateMessage = { role: 'assistant', content: 'a' };
  const system: TemplateMessage = { role: 'system', content: 'probe' };
  const renders = (
    messages: readonly TemplateMessage[],
    text: string,
    tools: readonly TemplateTool[] = [],
  ): boolean => {
    try {
      return render(messages, tools).includes(text);
    } catch {
      return false;
    }
  };
  const first = renders([system, user], 'probe');
  const later = renders([user, assistant, system, user], 'probe');
  const call: TemplateMessage = {
    role: 'assistant',
    content: '',
    tool_calls: [{ id: 'call00000', type: 'function', function: { name: 'probe_call', arguments: {} } }],
  };
  const result: TemplateMessage = { role: 'tool', content: 'probe_result', tool_call_id: 'call00000' };
  return {
    system: first && later ? 'anywhere' : first ? 'first' : 'nowhere',
    repeatedRoles: renders([user, { role: 'user', content: 'probe' }], 'probe'),
    tools: renders([user, call, result], 'probe_call') && renders([user, call, result], 'probe_result'),
    toolDefinitions: renders([user], 'probe_tool', [
      {
        type: 'function',
        function: {
          name: 'probe_tool',
          description: 'probe',
          parameters: { type: 'object', properties: {} },
        },
      },
    ]),
  };
}

/**
 * Changes messages into a form that the template can render completely; nothing is dropped. `guard` is applied once to
 * each text that is not ours.
 */
export function adaptMessages(
  messages: readonly PromptMessage[],
  abilities: TemplateAbilities,
  guard: (text: string) => string,
  tools: readonly TemplateTool[] = [],
): TemplateMessage[] {
  let adapted = messages.map((message) => toTemplateMessage(message, abilities, guard));
  if (tools.length > 0 && !abilities.toolDefinitions) adapted = withTools(adapted, describeTools(tools));
  if (abilities.system !== 'anywhere') adapted = moveSystem(adapted, abilities.system === 'first');
  return abilities.repeatedRoles ? adapted : alternate(adapted);
}

/** Adds the description of tools to the system message, for a template that cannot describe them. */
function withTools(messages: readonly TemplateMessage[], description: string): TemplateMessage[] {
  const [first, ...rest] = messages;
  if (first?.role !== 'system') return [{ role: 'system', content: description }, ...messages];
  return [{ ...first, content: `${first.content}\n\n${description}` }, ...rest];
}

function toTemplateMessage(
  message: PromptMessage,
  abilities: TemplateAbilities,
  guard: (text: string) => string,
): TemplateMessage {
  const content = guard(message.content);
  if (message.role === 'tool' && !abilities.tools) return { role: 'user', content: writtenResult(content) };
  const adapted: TemplateMessage = { role: message.role, content };
  if (message.name !== undefined) adapted.name = guard(message.name);
  if (message.toolCallId !== undefined) adapted.tool_call_id = guard(message.toolCallId);
  const calls = message.toolCalls ?? [];
  if (calls.length === 0) return adapted;
  if (!abilities.tools) {
    const written = calls.map((call) => writtenCall(guard(call.name), guard(call.arguments)));
    return { ...adapted, content: [content, ...written].filter((text) => text !== '').join('\n') };
  }
  adapted.tool_calls = calls.map((call) => ({
    id: guard(call.id),
    type: 'function',
    function: { name: guard(call.name), arguments: readArguments(call.arguments, guard) },
  }));
  return adapted;
}

/** Functions in the form of chat templates. */
export function adaptTools(
  tools: readonly PromptTool[],
  guard: (text: string) => string,
): readonly TemplateTool[] {
  return tools.map(({ name, description, parameters }) => ({
    type: 'function',
    function: {
      name: guard(name),
      ...(description === undefined ? {} : { description: guard(description) }),
      parameters: guardDeep(parameters, guard, 0),
    },
  }));
}

/** The arguments as an object for the template; as text where they are no object, or nest too deeply. */
function readArguments(json: string, guard: (text: string) => string): unknown {
  try {
    return guardDeep(parseForeignJson(json), guard, 0);
  } catch {
    return guard(json);
  }
}

function guardDeep(value: unknown, guard: (text: string) => string, depth: number): unknown {
  if (depth > 64) throw new RangeError('nested too deep');
  if (typeof value === 'string') return guard(value);
  if (Array.isArray(value)) return value.map((item) => guardDeep(item, guard, depth + 1));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [guard(name), guardDeep(item, guard, depth + 1)]),
  );
}

/** Moves system texts into one first message, or, where the template has none, before the first user message. */
function moveSystem(messages: readonly TemplateMessage[], allowedFirst: boolean): TemplateMessage[] {
  const system = messages.filter((message) => message.role === 'system').map((message) => message.content);
  const rest = messages.filter((message) => message.role !== 'system');
  if (system.length === 0) return rest;
  const text = system.join('\n\n');
  if (allowedFirst) return [{ role: 'system', content: text }, ...rest];
  const firstUser = rest.findIndex((message) => message.role === 'user');
  if (firstUser === -1) return [{ role: 'user', content: text }, ...rest];
  return rest.map((message, index) =>
    index === firstUser ? { ...message, content: `${text}\n\n${message.content}` } : message,
  );
}

/** Joins successive messages of one role and begins with the user, for templates that require alternating roles. */
function alternate(messages: readonly TemplateMessage[]): TemplateMessage[] {
  const joined: TemplateMessage[] = [];
  for (const message of messages) {
    const last = joined.at(-1);
    const plain = message.tool_calls === undefined && message.role !== 'tool';
    if (last !== undefined && plain && last.role === message.role && last.tool_calls === undefined) {
      last.content = `${last.content}\n\n${message.content}`;
    } else {
      joined.push({ ...message });
    }
  }
  const first = joined.findIndex((message) => message.role !== 'system');
  if (joined[first]?.role === 'assistant') joined.splice(first, 0, { role: 'user', content: '' });
  return joined;
}
