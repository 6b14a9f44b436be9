import { createGrammars, type Grammars } from './grammars.ts';
import type { Internals, SamplerConfig, SamplerInternals, SequenceInternals } from './library-internals.ts';
import type { Sampled, Sequence, WriteOptions, Writing } from './model.ts';
import { createUtf8Guard, type Utf8Guard } from './utf8-guard.ts';

/** The public part of a sequence. */
export interface LibrarySequence {
  readonly nextTokenIndex: number;
  truncate(length: number): Promise<void>;
  read(tokens: readonly number[]): Promise<void>;
  readonly internals: SequenceInternals;
}

export interface NativeSequences {
  open(sequence: LibrarySequence): Sequence;
}

export interface NativeSequencesOptions {
  readonly internals: Internals;
  /** Plain text → tokens, with nothing added at its beginning. */
  tokenize(text: string): readonly number[];
  /** Tokens that are markup and not text, but for those that end an answer. */
  readonly controls: ReadonlyMap<number, string>;
  bytesOf(token: number): Uint8Array;
  /** Tokens whose bytes are not all ASCII; looked at when a grammar is used first. */
  unusualTokens(): Iterable<readonly [token: number, bytes: Uint8Array]>;
  /** Milliseconds of processor time that this process has used: a machine that stalls is no slow sample. */
  readonly cpuMs: () => number;
}

/** Sequences of one context: they share grammars, and a sampler that changes nothing. */
export function createNativeSequences(options: NativeSequencesOptions): NativeSequences {
  const { internals } = options;
  const grammars = createGrammars(internals);
  const neutral = internals.newSampler();
  neutral.applyConfig({ temperature: 0 });
  let guard: Utf8Guard | undefined;
  const utf8Guard = (): Utf8Guard => {
    guard ??= createUtf8Guard(options.unusualTokens());
    return guard;
  };
  const watch = createSampleWatch(options.cpuMs);
  const handles = new WeakMap<Sequence, LibrarySequence>();
  return {
    open(library) {
      const sequence: Sequence = {
        async keep(length) {
          if (library.nextTokenIndex > length) await library.truncate(length);
          return library.nextTokenIndex;
        },
        async copy(from, length) {
          const source = handles.get(from);
          if (source === undefined) return library.nextTokenIndex;
          const copied = await library.internals._copyStateFromOtherSequence(source.internals, length);
          if (!copied) await library.internals.clearHistory();
          return library.nextTokenIndex;
        },
        read: (tokens) => library.read(tokens),
        write: (token, wanted) =>
          openWriting(token, wanted, { ...options, grammars, neutral, utf8Guard, watch, library }),
      };
      handles.set(sequence, library);
      return sequence;
    },
  };
}

interface WritingParts extends NativeSequencesOptions {
  readonly grammars: Grammars;
  readonly neutral: SamplerInternals;
  readonly utf8Guard: () => Utf8Guard;
  readonly watch: SampleWatch;
  readonly library: LibrarySequence;
}

function openWriting(first: number, options: WriteOptions, parts: WritingParts): Writing {
  const { internals, library } = parts;
  const sampler = internals.newSampler();
  /** Tokens of the answer so far, kept where penalties need them. */
  const history = [...options.history];
  const remembers = options.sampling.presencePenalty !== 0 || options.sampling.frequencyPenalty !== 0;
  let last = first;
  let state = options.grammar === undefined ? undefined : parts.grammars.begin(options.grammar);
  /** Tokens that cannot follow the last one. */
  let forbidden: readonly number[] = [];
  sampler.applyConfig(config());

  function config(): SamplerConfig {
    const { temperature, topP, seed, presencePenalty, frequencyPenalty } = options.sampling;
    const biases = new Map(options.sampling.logitBias);
    if (state !== undefined) {
      // A grammar sees the text of a control token like any other; in an answer it would be no text.
      for (const [token, text] of parts.controls) {
        if (options.markers.every((marker) => !marker.includes(text))) biases.set(token, -Infinity);
      }
      for (const token of parts.utf8Guard().never) biases.set(token, -Infinity);
      for (const token of forbidden) biases.set(token, -Infinity);
    }
    return {
      temperature,
      topP,
      seed,
      ...(remembers
        ? {
            repeatPenalty: 1,
            repeatPenaltyTokens: Uint32Array.from(history),
            repeatPenaltyMaxTokens: options.history.length + options.maxTokens,
            repeatPenaltyPresencePenalty: presencePenalty,
            repeatPenaltyFrequencyPenalty: frequencyPenalty,
          }
        : {}),
      ...(biases.size > 0
        ? {
            tokenBiasKeys: Uint32Array.from(biases.keys()),
            tokenBiasValues: Float32Array.from(biases.values()),
          }
        : {}),
      ...(state === undefined ? {} : { grammarEvaluationState: state }),
    };
  }

  function forbid(tokens: readonly number[]): void {
    if (tokens === forbidden) return;
    forbidden = tokens;
    sampler.applyConfig(config());
  }

  async function sample(batchIndex: number): Promise<Sampled> {
    const begun = parts.watch.begin();
    const token = await internals.sample(batchIndex, sampler);
    const tookMs = parts.watch.end(begun);
    if (token === -1 || options.topLogprobs === undefined) return { token, tookMs };
    const looked = await internals.look(batchIndex, parts.neutral, [token], options.topLogprobs);
    if (looked === undefined) throw new Error('no logits came with a token');
    return { token, tookMs, ...logprobsOf(token, looked[3], looked[4], options.topLogprobs) };
  }

  return {
    async next(given) {
      const [sampled] = await library.internals._decodeTokens(
        [last],
        [true],
        3,
        library.internals._tokenMeter,
        { size: 1, strategy: 'eraseBeginning' },
        given === undefined ? sample : async () => ({ token: given }),
        undefined,
      );
      if (!isSampled(sampled) || sampled.token === -1) throw new Error('no token could be sampled');
      last = sampled.token;
      if (remembers) history.push(last);
      if (state !== undefined) forbid(parts.utf8Guard().after(parts.bytesOf(last)));
      return sampled;
    },
    instead(token) {
      last = token;
      if (remembers) history[history.length - 1] = token;
    },
    constrain(gbnf, written) {
      const begun = parts.grammars.begin(gbnf);
      for (const token of parts.tokenize(written)) {
        if (!internals.allows(begun, token)) return false;
        internals.accept(begun, token);
      }
      state = begun;
      sampler.applyConfig(config());
      return true;
    },
    async end() {
      sampler.dispose();
    },
  };
}

/**
 * How long each sample takes by itself. Those of a batch are asked for at once and computed one after the other, for
 * the process has one native thread for them (`fork-child.ts`).
 */
interface SampleWatch {
  begin(): number;
  /** Processor time since `begin`, or since the sample before this one was done. */
  end(begun: number): number;
}

export function createSampleWatch(cpuMs: () => number): SampleWatch {
  let lastDone = Number.NEGATIVE_INFINITY;
  return {
    begin: cpuMs,
    end(begun) {
      const done = cpuMs();
      const tookMs = done - Math.max(begun, lastDone);
      lastDone = done;
      return tookMs;
    },
  };
}

/** Logits in pairs, the most probable token among them, and the weight of all → log probabilities. */
export function logprobsOf(
  token: number,
  pairs: readonly number[],
  totalWeight: number,
  top: number,
): { readonly logprob: number; readonly top: readonly (readonly [number, number])[] } {
  const logits = new Map<number, number>();
  for (let index = 0; index + 1 < pairs.length; index += 2) {
    logits.set(pairs[index] ?? -1, pairs[index + 1] ?? -Infinity);
  }
  const highest = Math.max(...logits.values());
  const norm = highest + Math.log(totalWeight);
  const ranked = [...logits].sort((left, right) => right[1] - left[1] || left[0] - right[0]);
  return {
    logprob: (logits.get(token) ?? -Infinity) - norm,
    top: ranked.slice(0, top).map(([id, logit]) => [id, logit - norm] as const),
  };
}

function isSampled(value: unknown): value is Sampled {
  return typeof value === 'object' && value !== null && 'token' in value && typeof value.token === 'number';
}
