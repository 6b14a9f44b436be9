/**
 * How models write tool calls. A call is a JSON object with a name and arguments, between markers. The grammar of a
 * request and the reader of calls are both made from this data.
 */
export interface ToolSyntax {
  readonly name: ToolSyntaxName;
  /** The text with which calls begin: with `tool_choice: auto` the grammar applies once the model has written it. */
  readonly marker: string;
  /** The text before the first call, with the marker. */
  readonly open: string;
  /** The key of a call's arguments. */
  readonly argumentsKey: 'arguments' | 'parameters';
  /** The text between two calls, and the text behind the last. */
  readonly between: string;
  readonly close: string;
  /** True where the marker counts only at the start of an answer. */
  readonly atStart: boolean;
}

export const toolSyntaxNames = ['tagged', 'list', 'bare'] as const;
export type ToolSyntaxName = (typeof toolSyntaxNames)[number];

export const toolSyntaxes: Readonly<Record<ToolSyntaxName, ToolSyntax>> = {
  /** Hermes, Qwen, and all models whose templates know no tools. */
  tagged: {
    name: 'tagged',
    marker: '<tool_call>',
    open: '<tool_call>\n',
    argumentsKey: 'arguments',
    between: '\n</tool_call>\n<tool_call>\n',
    close: '\n</tool_call>',
    atStart: false,
  },
  /** Mistral up to version 7 of its tokenizer: one list of calls. */
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

/** The syntax whose marker a chat template contains; else the tagged one. */
export function detectToolSyntax(template: string | undefined): ToolSyntaxName {
  if (template === undefined || template.includes('<tool_call>')) return 'tagged';
  if (template.includes('[TOOL_CALLS]') && !template.includes('[ARGS]')) return 'list';
  if (template.includes('<|python_tag|>') && template.includes('parameters')) return 'bare';
  return 'tagged';
}
