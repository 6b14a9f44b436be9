import type { TokenLogprobWire } from '@tailrace/protocol';
import type { LoadedModel, Sampled } from './model.ts';

/** The texts of tokens in one answer. */
export interface TokenTexts {
  /** The UTF-8 bytes of a token; empty for control tokens that are not part of a marker. */
  bytesOf(token: number): Uint8Array;
  /** The log probabilities of a sampled token; undefined where the request does not ask for them. */
  logprobOf(sampled: Sampled): TokenLogprobWire | undefined;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** `markers`: texts in which a control token is text. */
export function createTokenTexts(
  model: Pick<LoadedModel, 'bytesOf' | 'controls'>,
  markers: readonly string[],
): TokenTexts {
  const bytesOf = (token: number): Uint8Array => {
    const bytes = model.bytesOf(token);
    if (bytes.length > 0) return bytes;
    const text = model.controls.get(token);
    return text !== undefined && markers.some((marker) => marker.includes(text))
      ? encoder.encode(text)
      : bytes;
  };

  function entry(token: number, logprob: number) {
    const bytes = bytesOf(token);
    if (bytes.length > 0) return { token: decoder.decode(bytes), logprob, bytes: [...bytes] };
    // A control token is no text: it has a name and no bytes.
    return { token: model.controls.get(token) ?? '', logprob, bytes: null };
  }

  return {
    bytesOf,
    logprobOf({ token, logprob, top = [] }) {
      if (logprob === undefined) return undefined;
      return {
        ...entry(token, finite(logprob)),
        top_logprobs: top.map(([id, value]) => entry(id, finite(value))),
      };
    },
  };
}

/** JSON has no infinity; OpenAI writes −9999 for a probability of 0. */
function finite(logprob: number): number {
  return Math.max(logprob, -9999);
}
