import type { Result } from '../../domain/failure.ts';
import { parseForeignJson } from '../../domain/json.ts';
import type { TaskOwner } from '../../worker/killable-thread.ts';
import type { PromptMessage, PromptTool } from '../between/protocol.ts';
import { describeTools, type TemplateTool, writtenCall, writtenResult } from './generic-tools.ts';

/** A message in the form that chat templates read. */
export interface TemplateMessage {
  role: PromptMessage['role'];
  content: string;
  name?: string;
  tool_call_id?: string;
  tool_calls?: { id: string; type: 'function'; function: { name: string; arguments: unknown } }[];
}

/** What a template can do with messages, found out once by rendering a few. */
export interface TemplateAbilities {
  /** Whether a system message is rendered: anywhere, only as the first, or not at all. */
  readonly system: 'anywhere' | 'first' | 'nowhere';
  /** False where two messages of one role in a row are refused. */
  readonly repeatedRoles: boolean;
  /** Whether tool calls and their results are rendered. */
  readonly tools: boolean;
  /** Whether the functions that may be called are described to the model. */
  readonly toolDefinitions: boolean;
}

/** What was found out about a template when it was opened. */
export interface TemplateFacts {
  /** The template that is used: the file's, or the generic one. */
  readonly source: string;
  readonly abilities: TemplateAbilities;
  /** Stop strings of a template whose turns end with no control token. */
  readonly stop: readonly string[];
  /** Why the file's own template is not used, where that is so. */
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
 * For files without a template: the turns of ChatML, which most small models have seen. Where the vocabulary
 * lacks its markers they are plain text, so the closing one is a stop string too.
 */
const genericTemplate =
  "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}{% endfor %}" +
  "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";
const genericStop = ['<|im_end|>'];

/** Tries a file's template, or the generic one where there is none or it can't be used. Takes as long as they take. */
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
 * Messages in a form that the template renders whole: what it can't express moves into the nearest form it
 * can, and nothing is dropped. `guard` is applied to every text that came from outside, once.
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

/** What a template can't describe stands behind the system message's own words. */
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

/** Functions as templates want them. */
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

/** Templates want an object; what is none, or nested beyond reason, stays the text it came as. */
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

/** System text goes into one first message, or in front of the first user's where there may be none. */
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

/** Joins neighbours of one role and begins with the user, for templates that insist on turns. */
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
