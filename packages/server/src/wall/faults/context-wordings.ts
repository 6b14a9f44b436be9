import type { JsonObject } from '../../domain/json.ts';

/**
 * How servers report that a prompt does not fit. Form and wording are theirs, because a relay has to recognise them; the
 * numbers are made up. Written from documentation, not recorded.
 */
const bodies = {
  openai: {
    error: {
      message:
        "This model's maximum context length is 8192 tokens. However, your messages resulted in 9001 tokens.",
      type: 'invalid_request_error',
      param: 'messages',
      code: 'context_length_exceeded',
    },
  },
  vllm: {
    error: {
      message: "This model's maximum context length is 8192 tokens. However, you requested 9001 tokens.",
      type: 'BadRequestError',
      param: null,
      code: 400,
    },
  },
  'vllm-flat': {
    object: 'error',
    message: "This model's maximum context length is 8192 tokens. However, you requested 9001 tokens.",
    type: 'BadRequestError',
    param: null,
    code: 400,
  },
  sglang: {
    object: 'error',
    message: "The input (9001 tokens) is longer than the model's context length (8192 tokens).",
    type: 'BadRequest',
    param: null,
    code: 400,
  },
  llamacpp: {
    error: {
      code: 400,
      message:
        'the request exceeds the available context size. try increasing the context size or enable context shift',
      type: 'exceed_context_size_error',
      n_prompt_tokens: 9001,
      n_ctx: 8192,
    },
  },
  tgi: {
    error: 'Input validation error: `inputs` must have less than 8192 tokens. Given: 9001',
    error_type: 'validation',
  },
  groq: {
    error: {
      message: 'Please reduce the length of the messages or completion.',
      type: 'invalid_request_error',
      param: 'messages',
      code: 'context_length_exceeded',
    },
  },
  mistral: {
    object: 'error',
    message: 'Prompt contains 9001 tokens, too large for model with 8192 maximum context length',
    type: 'invalid_request_error',
    param: null,
    code: '3051',
  },
  openrouter: {
    error: {
      message:
        "This endpoint's maximum context length is 8192 tokens. However, you requested about 9001 tokens.",
      code: 400,
    },
  },
  anthropic: {
    error: {
      message: 'prompt is too long: 9001 tokens > 8192 maximum',
      type: 'invalid_request_error',
      param: null,
      code: null,
    },
  },
  gemini: {
    error: {
      code: 400,
      message: 'The input token count (9001) exceeds the maximum number of tokens allowed (8192).',
      status: 'INVALID_ARGUMENT',
    },
  },
} as const satisfies Readonly<Record<string, JsonObject>>;

const [first, ...others] = Object.keys(bodies);

export const contextWordings = {
  names: [first ?? 'openai', ...others] as const,
  /** Falls back to OpenAI's; the parameter was checked before. */
  bodyOf: (name: string): JsonObject =>
    new Map<string, JsonObject>(Object.entries(bodies)).get(name) ?? bodies.openai,
};
