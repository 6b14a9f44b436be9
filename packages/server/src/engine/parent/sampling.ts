import type { ChatRequest } from '../../domain/chat-request.ts';
import type { SamplingDefaults } from '../../domain/sampling-defaults.ts';
import type { Sampling } from '../between/protocol.ts';
import { foldSeed } from '../between/seeds.ts';

/**
 * The sampling of a request. What it does not name is the model's default, else OpenAI's: temperature 1, top_p 1. Without a
 * seed it gets a random one: the native sampler would take the seconds of the clock, which are the same for two requests.
 * `random` gives numbers in [0, 1).
 */
export function samplingOf(request: ChatRequest, defaults: SamplingDefaults, random: () => number): Sampling {
  const temperature = request.temperature ?? defaults.temperature ?? 1;
  const { topK, minP } = defaults;
  const seed = request.seed ?? Math.floor(random() * 2 ** 53);
  return {
    temperature,
    topP: request.topP ?? defaults.topP ?? 1,
    ...(topK === undefined ? {} : { topK }),
    ...(minP === undefined ? {} : { minP }),
    presencePenalty: request.presencePenalty ?? defaults.presencePenalty ?? 0,
    frequencyPenalty: request.frequencyPenalty ?? defaults.frequencyPenalty ?? 0,
    logitBias: biasesOf(request),
    seed: foldSeed(seed),
    repeatable: request.seed !== undefined || temperature === 0,
  };
}

function biasesOf({ logitBias = {} }: ChatRequest): Sampling['logitBias'] {
  return Object.entries(logitBias).flatMap(([token, bias]) => (bias === 0 ? [] : [[Number(token), bias]]));
}
