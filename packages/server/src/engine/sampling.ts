import type { ChatRequest } from '../domain/chat-request.ts';
import type { Sampling } from './protocol.ts';

/**
 * OpenAI's defaults where a field is absent: temperature 1, top_p 1, and a seed of our own, for the native
 * sampler takes an absent one from the clock's seconds, and two requests would get the same.
 * `random` gives numbers in [0, 1).
 */
export function samplingOf(request: ChatRequest, random: () => number): Sampling {
  const temperature = request.temperature ?? 1;
  const seed = request.seed ?? Math.floor(random() * 2 ** 53);
  return {
    temperature,
    topP: request.topP ?? 1,
    presencePenalty: request.presencePenalty ?? 0,
    frequencyPenalty: request.frequencyPenalty ?? 0,
    logitBias: biasesOf(request),
    seed: foldSeed(seed),
    repeatable: request.seed !== undefined || temperature === 0,
  };
}

function biasesOf({ logitBias = {} }: ChatRequest): Sampling['logitBias'] {
  return Object.entries(logitBias).flatMap(([token, bias]) => (bias === 0 ? [] : [[Number(token), bias]]));
}

/** The seed of one of several choices: the first has the request's own, so that `n` does not change it. */
export function choiceSeed(seed: number, choice: number): number {
  return choice === 0 ? seed : foldSeed(((seed ^ Math.imul(choice, 0x85eb_ca6b)) >>> 0) + choice * 2 ** 32);
}

/** The one 32-bit value that the native sampler takes for "any seed". */
const anySeed = 0xffff_ffff;

/** 53 bits → the 32 the native sampler has; seeds below 2^32 - 1 stay what they are. */
export function foldSeed(seed: number): number {
  const low = seed % 2 ** 32;
  const high = Math.floor(seed / 2 ** 32);
  const folded = (low ^ Math.imul(high, 0x9e37_79b1)) >>> 0;
  return folded === anySeed ? 0x5bd1_e995 : folded;
}
