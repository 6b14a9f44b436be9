import type { Capabilities, Feature } from '../../domain/requirements.ts';

/** The features of a request that the engine honours, for each of its models. */
export const honoured: Capabilities = new Set<Feature>([
  'temperature',
  'top_p',
  'max_tokens',
  'stop',
  'seed',
  'n',
  'presence_penalty',
  'frequency_penalty',
  'logit_bias',
  'logprobs',
  'json_object',
  'json_schema',
  'tools',
  'tool_choice',
  'continued_answer',
]);
