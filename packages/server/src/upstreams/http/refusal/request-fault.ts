import type { Failure } from '../../../domain/failure.ts';
import { plainName } from './error-status.ts';
import { callersFault, type ErrorFacts } from './refusal.ts';
import type { UpstreamError } from './upstream-error.ts';

/**
 * Match the messages about a prompt that is too long. Many providers have no code for it, and the gateways and emulators before a
 * provider pass its message on, so each dialect knows all of them. Each expression has bounded repetitions, so its cost is linear
 * in the length of any text.
 */
export const contextWordings: readonly RegExp[] = [
  /maximum context length/i, // OpenAI, vLLM, DeepSeek, OpenRouter, Mistral
  /maximum prompt length/i, // xAI
  /longer than the (?:model'?s? context|maximum model) length/i, // SGLang, vLLM
  /exceed(?:s|ed|ing)? (?:the |this |its |max(?:imum)? )?(?:available |model'?s? )?context (?:size|length|window|limit)/i, // llama.cpp, Ollama, Cloudflare, Anthropic
  /context (?:length|window|size) (?:of|is|exceeded|overflow|exceeds)/i, // llama.cpp's Python server, LM Studio, MiniMax
  /greater than the context length/i, // LM Studio
  /too large for model with \d{1,12} maximum/i, // Mistral
  /prompt (?:is |tokens |length )?too long/i, // Anthropic, Fireworks, Ollama, Baidu
  /prompt exceeds max(?:imum)? length/i, // Zhipu
  /range of input length should be/i, // DashScope
  /total message token length exceed/i, // DashScope
  /exceeds? max(?:imum)? message tokens/i, // Volcengine
  /exceeded model token limit/i, // Moonshot
  /tokens in the prompt cannot exceed|too many tokens: size limit exceeded/i, // Cohere
  /(?:^|[^.\w])input is too long/i, // Bedrock, Anthropic
  /too many input tokens|input tokens exceed/i, // Bedrock, OpenAI
  /number of input tokens .{0,20}cannot exceed/i, // watsonx
  /`?inputs`? tokens \+ `?max_new_tokens`? must be/i, // Together, TGI
  /`?inputs`? must have less than \d{1,12} tokens/i, // TGI
  /(?:input|prompt) token count .{0,40}(?:exceeds? the (?:maximum|limit)|only supports up to)/i, // Gemini, Vertex AI, GitHub
  /exceeds the maximum (?:number of )?tokens/i, // Gemini
  /request body too large for .{0,60}max size: \d{1,12} tokens/i, // GitHub Models
  /(?:input|prompt) length .{0,24}(?:exceeds?|(?:greater|larger) than) (?:the )?(?:max|model)/i, // TensorRT-LLM, TabbyAPI, SGLang
  /exceeds? (?:the )?max(?:imum)? (?:input|prompt) (?:length|tokens)/i, // TensorRT-LLM
  /larger than the model input length/i, // MLC
  /ContextWindowExceededError/i, // LiteLLM
  /reduce the length of the (?:messages|prompt|input)/i, // Groq, Cerebras
];

/** Matches a message about the most tokens of the answer (OpenAI, vLLM): it may name the context too, but the prompt has room. */
export const answerLimit = /\bmax_?\w{0,16}tokens\b.{0,60}(?:too large|exceeds? the max)/i;

/** Match the messages of a refusal by policy that comes under a name for any mistake in a request. */
export const policyWordings: readonly RegExp[] = [
  /content exists risk/i, // DeepSeek
  /ContentPolicyViolationError/i, // LiteLLM
  /content filtering policy/i, // Anthropic
  /content management policy/i, // Azure
  /data may contain inappropriate content/i, // DashScope
  /(?:prompt|input) was flagged/i, // OpenAI, OpenRouter
];

/** Codes and types, written as by {@link plainName}. */
const contextNames: ReadonlySet<string> = new Set([
  'contextlengthexceeded',
  'contextwindowexceeded',
  'exceedcontextsize',
  'inputtoolong',
  'modelcontextwindowexceeded',
  'modelmaxprompttokensexceeded',
  'prompttoolong',
  'stringabovemaxlength',
  'tokenslimitreached',
  'tokenstoolong',
]);

const policyNames: ReadonlySet<string> = new Set([
  'contentfilter',
  'contentfiltered',
  'contentpolicyviolation',
  'responsibleaipolicyviolation',
  // OpenAI's images, Bedrock, DashScope.
  'moderationblocked',
  'guardrailintervened',
  'datainspectionfailed',
  // Volcengine.
  'sensitivecontentdetected',
  'inputtextsensitivecontentdetected',
  'inputimagesensitivecontentdetected',
  'outputtextsensitivecontentdetected',
  'outputimagesensitivecontentdetected',
  'inputtextriskdetection',
  'inputimageriskdetection',
  'outputtextriskdetection',
]);

/**
 * The failure where an error says that the policy of the upstream refuses the request, or that the prompt is too long; undefined
 * for every other error.
 */
export function requestFault(error: UpstreamError, facts: ErrorFacts): Failure | undefined {
  const { status } = facts;
  const { code, type, message } = error;
  // `SensitiveContentDetected.Violence` (Volcengine), `InternalError.Algo.DataInspectionFailed` (DashScope).
  const names = [code, type].flatMap((name = '') => [name, ...name.slice(0, 200).split('.')]).map(plainName);
  const blamesPolicy = blamesContent(status) || status === 403 || status === 451;
  if (
    names.some((name) => policyNames.has(name)) ||
    (blamesPolicy && policyWordings.some((wording) => wording.test(message)))
  ) {
    return callersFault(
      'content_policy_violation',
      'The content policy of the upstream refused this request',
      facts,
    );
  }
  if (isAboutOneField(error)) return undefined;
  if (names.some((name) => contextNames.has(name)) || (blamesContent(status) && isTooLong(message))) {
    return callersFault('context_length_exceeded', 'The prompt is too long for the model', facts);
  }
  return undefined;
}

/**
 * A prompt that is too long may come as 400, 413, 422, from llama.cpp as 500, and without a status in an answer, for which 200
 * stands.
 */
function blamesContent(status: number): boolean {
  return status === 400 || status === 413 || status === 422 || status === 500 || status === 200;
}

function isTooLong(message: string): boolean {
  return !answerLimit.test(message) && contextWordings.some((wording) => wording.test(message));
}

/** Whether a text that is too long is a name or a description and not a message of the conversation (OpenAI). */
function isAboutOneField({ code, param, message }: UpstreamError): boolean {
  if (code !== 'string_above_max_length') return false;
  const field = param ?? /^Invalid '([^']{1,200})'/.exec(message)?.[1];
  return (
    field !== undefined && !/^(?:messages|input|prompt)(?:\[\d{1,9}\](?:\.content.{0,40})?)?$/.test(field)
  );
}
