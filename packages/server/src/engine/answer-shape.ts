import type { ChatRequest } from '../domain/chat-request.ts';
import { fail, failure, ok, type Result } from '../domain/failure.ts';
import { compileJsonObject, compileSchema } from './grammar/compile-schema.ts';
import { createGrammarCache } from './grammar/grammar-cache.ts';
import type { AnswerShape } from './protocol.ts';
import type { ToolSyntaxName } from './tool-syntax.ts';

/** What answers may be, by request; compiled schemas are remembered. */
export interface AnswerShapes {
  /**
   * Fails with the compiler's failures at the path of what cannot be enforced, and with `unsupported_parameter`
   * for fields that cannot be honoured together.
   */
  of(request: ChatRequest, syntax: ToolSyntaxName): Result<AnswerShape>;
}

const grammarsKept = 256;

export function createAnswerShapes(): AnswerShapes {
  const compile = createGrammarCache(compileSchema, grammarsKept);
  const anyObject = compileJsonObject().gbnf;

  function format(request: ChatRequest): Result<AnswerShape> {
    const { responseFormat } = request;
    if (responseFormat.type === 'text') return ok({ type: 'text' });
    if (request.stop.length > 0) {
      return together(
        'stop',
        'A stop string could cut the JSON that response_format asks for: send one of both.',
      );
    }
    if (responseFormat.type === 'json_object') return ok({ type: 'grammar', gbnf: anyObject });
    const compiled = compile(responseFormat.schema, { path: 'response_format.json_schema.schema' });
    return compiled.ok ? ok({ type: 'grammar', gbnf: compiled.value.gbnf }) : compiled;
  }

  return {
    of(request) {
      return format(request);
    },
  };
}

function together(param: string, message: string): Result<never> {
  return fail(failure('unsupported_parameter', message, { param }));
}
