// Vercel's AI SDK over one of its two OpenAI-shaped providers, or over ours.
import { createOpenAI } from '@ai-sdk/openai';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { generateText, streamText } from 'ai';
import { createTailrace } from '../../../packages/client/src/ai/index.ts';
import { serve } from './lines.mjs';

const provider = process.argv[2];

function modelOf(call) {
  const settings = { baseURL: call.baseUrl, apiKey: call.apiKey, headers: call.headers ?? {} };
  const { model } = call.request;
  if (provider === 'openai') return createOpenAI(settings).chat(model);
  if (provider === 'tailrace') return createTailrace(settings)(model);
  return createOpenAICompatible({ ...settings, name: 'tailrace', includeUsage: true }).chatModel(model);
}

/** The request in this SDK's form. Fields that it does not have are sent as provider options. */
function settingsOf(call) {
  const {
    model,
    messages,
    max_tokens,
    temperature,
    top_p,
    seed,
    stop,
    frequency_penalty,
    presence_penalty,
    ...more
  } = call.request;
  const named = {
    maxOutputTokens: max_tokens,
    temperature,
    topP: top_p,
    seed,
    stopSequences: stop,
    frequencyPenalty: frequency_penalty,
    presencePenalty: presence_penalty,
  };
  return {
    ...Object.fromEntries(Object.entries(named).filter(([, value]) => value !== undefined)),
    model: modelOf(call),
    messages,
    maxRetries: 0,
    providerOptions: provider === 'openai' ? { openai: {} } : { tailrace: more },
  };
}

const usageOf = (usage) => ({
  prompt: usage.inputTokens,
  completion: usage.outputTokens,
  total: usage.totalTokens,
});

function noteResult(outcome, finish, usage) {
  outcome.finish = finish;
  outcome.usage = usageOf(usage);
  outcome.usageEvents = 1;
}

async function complete(call, outcome) {
  const result = await generateText(settingsOf(call));
  outcome.text = result.text;
  noteResult(outcome, result.finishReason, result.usage);
}

async function stream(call, outcome) {
  const controller = new AbortController();
  const result = streamText({ ...settingsOf(call), abortSignal: controller.signal, onError: () => {} });
  for await (const part of result.fullStream) {
    if (part.type === 'error') throw part.error;
    if (part.type === 'text-delta') {
      outcome.iterating = true;
      outcome.text += part.text;
      outcome.pieces += 1;
      if (outcome.pieces === call.stopAfter) controller.abort();
    }
    if (part.type === 'finish') noteResult(outcome, part.finishReason, part.totalUsage);
  }
}

async function turns(call, outcome) {
  const first = await generateText(settingsOf(call));
  const messages = [
    ...call.request.messages,
    ...first.response.messages,
    { role: 'user', content: call.question },
  ];
  const second = await generateText(settingsOf({ ...call, request: { ...call.request, messages } }));
  outcome.text = second.text;
  noteResult(outcome, second.finishReason, second.usage);
}

serve({ complete, stream, turns }, (error) => {
  const body = error?.data?.error ?? (error?.code === undefined ? parseBody(error) : error);
  return {
    status: error?.statusCode ?? null,
    code: body?.code ?? null,
    param: body?.param ?? null,
    type: body?.type ?? null,
  };
});

function parseBody(error) {
  try {
    return JSON.parse(error.responseBody).error;
  } catch {
    return undefined;
  }
}
