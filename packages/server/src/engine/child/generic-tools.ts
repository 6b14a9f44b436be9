import { toolSyntaxes } from '../between/tool-syntax.ts';

/** A function in the form of chat templates. */
export interface TemplateTool {
  readonly type: 'function';
  readonly function: { readonly name: string; readonly description?: string; readonly parameters: unknown };
}

/**
 * The description of tools for a model whose template cannot describe them, in the tagged syntax. `docs/engine.md`
 * shows it. Texts of clients in `tools` are already guarded.
 */
export function describeTools(tools: readonly TemplateTool[]): string {
  const { open, close } = toolSyntaxes.tagged;
  return [
    'You can call these functions, described as JSON, one a line:',
    '<tools>',
    ...tools.map((tool) => JSON.stringify(tool.function)),
    '</tools>',
    'To call one, write its name and its arguments as JSON, like this:',
    `${open}{"name": "the function", "arguments": {"the parameter": "its value"}}${close}`,
    'The result comes back between <tool_response> and </tool_response>.',
  ].join('\n');
}

/** An earlier call in the text that the model writes for calls. */
export function writtenCall(name: string, argumentsJson: string): string {
  const { open, close } = toolSyntaxes.tagged;
  return `${open}{"name": "${name}", "arguments": ${argumentsJson}}${close}`;
}

export function writtenResult(content: string): string {
  return `<tool_response>\n${content}\n</tool_response>`;
}
