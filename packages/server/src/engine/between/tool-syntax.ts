/**
 * How models write tool calls. A call is a JSON object with a name and arguments, between markers; the grammar
 * of a request is made of this data, and so is the reader that takes calls out of the answer.
 */
export interface ToolSyntax {
  readonly name: ToolSyntaxName;
  /** By this a model says that it calls: with `auto` the grammar sets in when it has written it. */
  readonly marker: string;
  /** What stands before the first call, the marker included. */
  readonly open: string;
  /** The key that holds a call's arguments. */
  readonly argumentsKey: 'arguments' | 'parameters';
  /** Between two calls, and behind the last one. */
  readonly between: string;
  readonly close: string;
  /** True where the marker counts only as the first thing an answer says. */
  readonly atStart: boolean;
}

export const toolSyntaxNames = ['tagged', 'list', 'bare'] as const;
export type ToolSyntaxName = (typeof toolSyntaxNames)[number];

export const toolSyntaxes: Readonly<Record<ToolSyntaxName, ToolSyntax>> = {
  /** Hermes, Qwen, and every model whose template knows no tools. */
  tagged: {
    name: 'tagged',
    marker: '<tool_call>',
    open: '<tool_call>\n',
    argumentsKey: 'arguments',
    between: '\n</tool_call>\n<tool_call>\n',
    close: '\n</tool_call>',
    atStart: false,
  },
  /** Mistral up to its version 7 of the tokenizer: one list of calls. */
  list: {
    name: 'list',
    marker: '[TOOL_CALLS]',
    open: '[TOOL_CALLS][',
    argumentsKey: 'arguments',
    between: ', ',
    close: ']',
    atStart: false,
  },
  /** Llama 3: the answer is the object itself. */
  bare: {
    name: 'bare',
    marker: '{"name": "',
    open: '',
    argumentsKey: 'parameters',
    between: '; ',
    close: '',
    atStart: true,
  },
};

/** The syntax that a chat template shows; the tagged one where it shows none. */
export function detectToolSyntax(template: string | undefined): ToolSyntaxName {
  if (template === undefined || template.includes('<tool_call>')) return 'tagged';
  if (template.includes('[TOOL_CALLS]') && !template.includes('[ARGS]')) return 'list';
  if (template.includes('<|python_tag|>') && template.includes('parameters')) return 'bare';
  return 'tagged';
}
