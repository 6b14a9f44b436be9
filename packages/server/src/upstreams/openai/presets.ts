import { type Feature, features } from '../../domain/requirements.ts';
import type { Preset } from './preset.ts';

/*
 * One row for each preset. Only this file lists the names of the presets: the schema of the configuration, the tables of
 * docs/upstreams.md and the list of required fixtures are made from it.
 *
 * The sources are the providers' own pages as of November 2026, named at each row. A fact that was checked against no page
 * and no running server is marked "unverified". No preset honours legacy `functions` or audio output, because our events
 * cannot carry them.
 */

const sampling = ['temperature', 'top_p', 'max_tokens', 'stop', 'seed'] as const;
const penalties = ['presence_penalty', 'frequency_penalty'] as const;
const tools = ['tools', 'tool_choice'] as const;
const structured = ['json_object', 'json_schema'] as const;

/** Whether a row honours `continued_answer` its `prefill` says (`featuresOf`). */
const carried: readonly Feature[] = features.filter(
  (feature) => !['functions', 'audio_output', 'continued_answer'].includes(feature),
);

/** The common values; each row has those that differ. */
const usual: Preset = {
  auth: 'bearer',
  path: 'plain',
  features: carried,
  maxTokensField: 'max_tokens',
  seedField: 'seed',
  streamOptions: 'usage',
  developerRole: 'system',
  refusedAdvice: [],
  messageName: 'taken',
  finishReasons: {},
  wantsBack: [],
};

/**
 * For a server without a preset: every feature is passed on, and the server may refuse it. The token limit has its older
 * name `max_tokens`: a server that does not take it answers with an error, while some local servers ignore the newer
 * `max_completion_tokens` without an error (seen: transformers 5.19, llama-cpp-python 0.3.36).
 */
export const genericPreset: Preset = {
  ...usual,
  developerRole: 'developer',
  wantsBack: ['extra_content'],
};

// platform.openai.com/docs/api-reference/chat/create: `tools` ("a max of 128 functions"), `stop` ("up to 4 sequences"),
// `name` of a function and of a schema ("a maximum length of 64").
const likeOpenai: Preset = {
  ...usual,
  most: { stops: 4, tools: 128, nameLength: 64 },
  maxTokensField: 'max_completion_tokens',
  developerRole: 'developer',
};

export const presets = {
  // platform.openai.com/docs/api-reference/chat. `include_obfuscation: false` leaves out padding in each chunk.
  openai: {
    ...likeOpenai,
    baseUrl: 'https://api.openai.com/v1',
    streamOptions: 'usage-without-padding',
    prefill: 'never',
  },

  // docs.vllm.ai, OpenAI-compatible server: "extra parameters for chat"; /metrics: production metrics page.
  vllm: {
    ...usual,
    features: carried.filter((feature) => feature !== 'prediction' && feature !== 'web_search'),
    prefill: {
      request: { continue_final_message: true, add_generation_prompt: false },
      message: {},
      echo: false,
    },
    load: {
      path: '/metrics',
      waiting: 'vllm:num_requests_waiting',
      running: 'vllm:num_requests_running',
      inAnswers: true,
    },
  },

  // docs.sglang.ai, OpenAI APIs, and python/sglang/srt/entrypoints/openai/protocol.py.
  sglang: {
    ...usual,
    features: carried.filter(
      (feature) => feature !== 'prediction' && feature !== 'web_search' && feature !== 'file_input',
    ),
    finishReasons: { matched_token: 'stop' },
    prefill: { request: { continue_final_message: true }, message: {}, echo: false },
    load: { path: '/metrics', waiting: 'sglang:num_queue_reqs', running: 'sglang:num_running_reqs' },
  },

  // ggml-org/llama.cpp, tools/server/README.md. Continuing a last assistant message: unverified, not declared.
  llamacpp: {
    ...usual,
    features: [
      ...sampling,
      ...penalties,
      ...tools,
      ...structured,
      'n',
      'logit_bias',
      'logprobs',
      'image_input',
      'audio_input',
      'unknown_fields',
    ],
    load: {
      path: '/metrics',
      waiting: 'llamacpp:requests_deferred',
      running: 'llamacpp:requests_processing',
    },
  },

  // docs.ollama.com/api/openai-compatibility: n, tool_choice and logit_bias are not among the fields it reads.
  // reasoning_effort is 400 there for a model that does not think (seen with 0.17.4).
  ollama: {
    ...usual,
    refusedAdvice: ['reasoning_effort'],
    features: [
      ...sampling,
      ...penalties,
      ...structured,
      'tools',
      'logprobs',
      'image_input',
      'unknown_fields',
    ],
  },

  // lmstudio.ai/docs/developer/openai-compat/chat-completions; logprobs and n are not listed there.
  lmstudio: {
    ...usual,
    features: [
      ...sampling,
      ...penalties,
      ...tools,
      'json_schema',
      'logit_bias',
      'image_input',
      'unknown_fields',
    ],
  },

  // openrouter.ai/docs/api-reference/parameters, …/streaming, …/errors, use-cases/reasoning-tokens.
  openrouter: {
    ...usual,
    baseUrl: 'https://openrouter.ai/api/v1',
    features: [
      ...sampling,
      ...penalties,
      ...tools,
      ...structured,
      'logit_bias',
      'logprobs',
      'image_input',
      'audio_input',
      'file_input',
      'prediction',
      'web_search',
      'unknown_fields',
    ],
    developerRole: 'developer',
    wantsBack: ['reasoning_details'],
  },

  // console.groq.com/docs/openai: logprobs, logit_bias and messages[].name are refused, n must be 1.
  groq: {
    ...usual,
    baseUrl: 'https://api.groq.com/openai/v1',
    features: [...sampling, ...penalties, ...tools, ...structured, 'image_input', 'unknown_fields'],
    maxTokensField: 'max_completion_tokens',
    messageName: 'refused',
    refusedAdvice: ['verbosity', 'safety_identifier', 'prompt_cache_key'], // unverified
  },

  // docs.together.ai/reference/chat-completions-1: finish_reason eos; logprobs there is a number, not true.
  together: {
    ...usual,
    baseUrl: 'https://api.together.xyz/v1',
    features: [
      ...sampling,
      ...penalties,
      ...tools,
      ...structured,
      'n',
      'logit_bias',
      'image_input',
      'unknown_fields',
    ],
    finishReasons: { eos: 'stop' },
    refusedAdvice: ['store', 'metadata', 'service_tier', 'verbosity'], // unverified
  },

  // docs.fireworks.ai/api-reference/post-chatcompletions.
  fireworks: {
    ...usual,
    baseUrl: 'https://api.fireworks.ai/inference/v1',
    features: [
      ...sampling,
      ...penalties,
      ...tools,
      ...structured,
      'n',
      'logit_bias',
      'logprobs',
      'image_input',
      'prediction',
      'unknown_fields',
    ],
    refusedAdvice: ['store', 'service_tier', 'verbosity'], // unverified
  },

  // api-docs.deepseek.com: create-chat-completion, chat_prefix_completion (its own base, /beta), thinking_mode
  // (with tools the next turn must send the reasoning back). The API enforces no schema and accepts no seed.
  deepseek: {
    ...usual,
    baseUrl: 'https://api.deepseek.com',
    features: [
      'temperature',
      'top_p',
      'max_tokens',
      'stop',
      ...penalties,
      ...tools,
      'json_object',
      'logprobs',
      'unknown_fields',
    ],
    wantsBack: ['reasoning'],
    prefill: { request: {}, message: { prefix: true }, echo: false, path: '/beta/chat/completions' },
  },

  // docs.mistral.ai/api: random_seed, model_length, a refusal of unknown fields (422), usage without being asked.
  // capabilities/completion/usage#prefix: the answer repeats the prefix. This is unverified for streams; an answer
  // without the prefix is torn.
  mistral: {
    genAi: 'mistral_ai',
    ...usual,
    baseUrl: 'https://api.mistral.ai/v1',
    // The limit is on none of their pages, but the API answers a higher value with 422 (reported in December 2025; unverified).
    most: { temperature: 1.5 },
    features: [
      'temperature',
      'top_p',
      'max_tokens',
      'stop',
      'seed',
      ...penalties,
      ...tools,
      ...structured,
      'n',
      'image_input',
      'prediction',
      'unknown_fields',
    ],
    seedField: 'random_seed',
    streamOptions: 'none',
    refusedAdvice: ['user', 'safety_identifier', 'store', 'service_tier', 'verbosity', 'prompt_cache_key'],
    finishReasons: { model_length: 'length' },
    prefill: { request: {}, message: { prefix: true }, echo: true },
  },

  // docs.x.ai/docs/api-reference#chat-completions. Reasoning models refuse penalties and `stop` with status 400; that
  // failure is passed on.
  xai: {
    genAi: 'x_ai',
    ...usual,
    baseUrl: 'https://api.x.ai/v1',
    most: { topLogprobs: 8 },
    features: [
      ...sampling,
      ...penalties,
      ...tools,
      ...structured,
      'n',
      'logprobs',
      'image_input',
      'web_search',
      'unknown_fields',
    ],
    maxTokensField: 'max_completion_tokens',
    refusedAdvice: ['store', 'metadata', 'verbosity'], // unverified
  },

  // learn.microsoft.com/azure/ai-services/openai/reference. A base URL that ends in /v1 is the newer API, whose
  // paths are OpenAI's; any other gets /deployments/MODEL and ?api-version=.
  azure: {
    genAi: 'azure.ai.openai',
    ...likeOpenai,
    auth: 'api-key',
    path: 'deployments',
    features: carried.filter((feature) => feature !== 'web_search' && feature !== 'file_input'),
    prefill: 'never',
  },
} satisfies Record<string, Preset>;

export type PresetName = keyof typeof presets;

/** In the order of the rows. The configuration takes these names for `upstreams.*.preset`. */
export const presetNames = Object.keys(presets) as readonly PresetName[];

/** The version of Azure's older API, where the base URL names none. */
export const azureApiVersion = '2024-10-21';
