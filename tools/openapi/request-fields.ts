/**
 * What each field of a chat completion means, in one or two sentences: for `openapi.json` and docs/chat-completions.md. Which target
 * honours it is not said here, but found by asking the code.
 */
export const fieldMeanings: Readonly<Record<string, string>> = {
  model:
    'The id or an alias of a model, or `default`, which always exists. `GET /v1/models` lists those that the key may use.',
  messages:
    'The chat so far, oldest message first. Roles are `system`, `developer`, `user`, `assistant` and `tool`.',
  stream:
    '`true`: the answer comes as server-sent events while it is made. `false`: as one JSON body. The `Accept` header does not matter.',
  stream_options:
    'Options of a stream, only with `stream: true`. `include_usage` asks for the usage; it is reported in any case, and where depends on `stream.usage_chunk` and on the header `tailrace-usage-chunk`. `include_obfuscation` has no effect.',
  temperature:
    'How much chance decides: 0 takes the most probable token. Absent: the default of the model, else 1.',
  top_p:
    'Only tokens are drawn that together have this probability. Absent: the default of the model, else 1.',
  max_tokens:
    'The most tokens of the answer, its reasoning included. A value above what the context leaves is lowered to it; -1 means no limit.',
  max_completion_tokens: 'The newer name of `max_tokens`. Where both are given, this one counts.',
  stop: 'A text, or several, at which the answer ends. The text itself is not part of the answer, also where it comes in pieces.',
  seed: 'The same request with the same seed makes the same answer, as far as the target can promise that.',
  n: 'How many answers to make of one prompt.',
  presence_penalty: 'Above 0, tokens that have occurred become less probable.',
  frequency_penalty: 'Above 0, tokens become less probable each time they occur.',
  logit_bias: 'Token ids of the model, each with what is added to its logit.',
  logprobs: 'Whether each token of the answer comes with its log probability.',
  top_logprobs: 'How many of the most probable tokens are listed at each place, with `logprobs: true`.',
  response_format:
    'The form of the answer: `text`, `json_object` for any JSON object, or `json_schema` for JSON that is valid against a schema. An answer that breaks its form ends in an error.',
  tools: 'The functions that the model may call. Names are unique.',
  tool_choice:
    'Whether the model may (`auto`), must (`required`) or may not (`none`) call a function, or which one it must call.',
  parallel_tool_calls: '`false`: at most one call in an answer.',
  reasoning_effort: 'How long a reasoning model thinks. Advice: a target that does not know it ignores it.',
  verbosity: 'How long the answer is. Advice.',
  user: 'An id of your user. Advice, and part of the usage record.',
  safety_identifier: 'An id of your user, in the usage record where `user` is absent. Advice.',
  metadata: 'Texts of your own by their names. Advice: they go to targets that take them.',
  store: 'Whether the provider keeps the answer. Advice: this server keeps no answers.',
  service_tier: 'The class of service at the provider. Advice.',
  prompt_cache_key: 'Which requests share the beginning of a prompt. Advice.',
  prediction: 'Text that the answer is expected to have.',
  modalities: 'The kinds of output. `["text"]` asks for nothing; `audio` needs a target that speaks.',
  audio: 'Voice and format of spoken output.',
  web_search_options: 'Options of a web search by the provider.',
  functions: "OpenAI's older form of `tools`. No target takes it: send `tools`.",
  function_call: "OpenAI's older form of `tool_choice`. No target takes it: send `tool_choice`.",
  continue_final_message:
    '`true`: the last message is the beginning of the answer, and the answer goes on behind it. It is of the assistant, with text and without calls. The name is that of vLLM and SGLang.',
  add_generation_prompt: 'Only beside `continue_final_message`, where it is `false`, as in vLLM and SGLang.',
};
