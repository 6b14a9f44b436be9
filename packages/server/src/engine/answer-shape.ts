import type { ChatRequest } from '../domain/chat-request.ts';
import { type Failure, fail, failure, ok, type Result } from '../domain/failure.ts';
import { eitherGrammar } from './either-grammar.ts';
import { type CompiledGrammar, compileJsonObject, compileSchema } from './grammar/compile-schema.ts';
import { createGrammarCache } from './grammar/grammar-cache.ts';
import { compileToolCalls } from './grammar/tool-calls.ts';
import type { AnswerShape } from './protocol.ts';
import { type ToolSyntaxName, toolSyntaxes } from './tool-syntax.ts';

/** What answers may be, by request; compiled schemas are remembered. */
export interface AnswerShapes {
  /**
   * Fails with the compiler's failures at the path of what cannot be enforced, and with `unsupported_parameter`
   * for fields that cannot be honoured together.
   */
  of(request: ChatRequest, syntax: ToolSyntaxName): Result<AnswerShape>;
}

const grammarsKept = 256;
/** An agent sends the same tools with every turn; compiling fifty of them takes a while. */
const toolSetsKept = 64;

export function createAnswerShapes(): AnswerShapes {
  const compile = createGrammarCache(compileSchema, grammarsKept);
  const toolSets = new Map<string, Result<CompiledGrammar>>();
  const anyObject = compileJsonObject().gbnf;

  function format(request: ChatRequest): Result<AnswerShape> {
    const { responseFormat } = request;
    if (responseFormat.type === 'text') return ok({ type: 'text' });
    if (responseFormat.type === 'json_object') return ok({ type: 'grammar', gbnf: anyObject });
    const compiled = compile(responseFormat.schema, { path: 'response_format.json_schema.schema' });
    return compiled.ok ? ok({ type: 'grammar', gbnf: compiled.value.gbnf }) : compiled;
  }

  function calls(request: ChatRequest, syntax: ToolSyntaxName): Result<AnswerShape> {
    const forced = request.toolChoice.type !== 'auto';
    const compiled = compileTools(request, syntax);
    return compiled.ok ? ok({ type: 'calls', gbnf: compiled.value.gbnf, forced }) : compiled;
  }

  function compileTools(request: ChatRequest, syntax: ToolSyntaxName): Result<CompiledGrammar> {
    const { tools, toolChoice } = request;
    // A function asked for by name is called once.
    const parallel = request.parallelToolCalls && toolChoice.type !== 'function';
    const key = JSON.stringify([syntax, toolChoice, parallel, tools]);
    const known = toolSets.get(key);
    toolSets.delete(key);
    const result =
      known ?? compileToolCalls(tools, { choice: toolChoice, parallel, syntax: toolSyntaxes[syntax] });
    toolSets.set(key, result);
    const [oldest] = toolSets.keys();
    if (toolSets.size > toolSetsKept && oldest !== undefined) toolSets.delete(oldest);
    return result;
  }

  return {
    of(request, syntax) {
      const refused = refusedTogether(request, syntax);
      if (refused !== undefined) return fail(refused);
      if (!callsTools(request)) return format(request);
      const called = calls(request, syntax);
      if (!called.ok || !choosesFormat(request)) return called;
      const formatted = format(request);
      return formatted.ok ? ok(either(formatted.value, called.value)) : formatted;
    },
  };
}

function callsTools({ tools, toolChoice }: ChatRequest): boolean {
  return tools.length > 0 && toolChoice.type !== 'none';
}

/** True where the answer is the JSON that was asked for, unless the model calls. */
function choosesFormat({ responseFormat, toolChoice }: ChatRequest): boolean {
  return responseFormat.type !== 'text' && toolChoice.type === 'auto';
}

function either(json: AnswerShape, called: AnswerShape): AnswerShape {
  if (json.type === 'text' || called.type === 'text') return called;
  return { type: 'json-or-calls', gbnf: eitherGrammar(json.gbnf, called.gbnf) };
}

/** Fields that cannot be honoured together by a model that writes calls like this; undefined where none are. */
export function refusedTogether(request: ChatRequest, syntax: ToolSyntaxName): Failure | undefined {
  if (request.responseFormat.type === 'text') return undefined;
  const calls = callsTools(request);
  if (calls && !choosesFormat(request)) return undefined;
  if (request.stop.length > 0) {
    const message =
      "'stop' could cut the JSON that 'response_format' asks for: this model takes one of both.";
    return failure('unsupported_parameter', message, { param: 'stop' });
  }
  // Where calls begin with no mark of their own they cannot be told from the JSON.
  if (!calls || !toolSyntaxes[syntax].atStart) return undefined;
  const message =
    "'response_format' and 'tools' with 'tool_choice: auto' cannot be told apart in what this model writes: " +
    "send one of both, or 'tool_choice: required'.";
  return failure('unsupported_parameter', message, { param: 'response_format' });
}
