import { createGrammars, type Grammars } from './grammars.ts';
import type { Internals, SamplerConfig, SamplerInternals, SequenceInternals } from './library-internals.ts';
import type { Sampled, Sequence, WriteOptions, Writing } from './model.ts';
import { createUtf8Guard, type Utf8Guard } from './utf8-guard.ts';

/** The public methods of a sequence of the library. */
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
  /** The tokens of plain text, with nothing added at its start. */
  tokenize(text: string): readonly number[];
  /** Tokens that are markup and not text, except those that end an answer. */
  readonly controls: ReadonlyMap<number, string>;
  bytesOf(token: number): Uint8Array;
  /** Tokens whose bytes are not all ASCII; read when a grammar is used for the first time. */
  unusualTokens(): Iterable<readonly [token: number, bytes: Uint8Array]>;
  /** Processor time of this process in milliseconds: a machine that is busy does not make a sample slow. */
  readonly cpuMs: () => number;
}

/** The sequences of one context. They share grammars and a sampler that changes nothing. */
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
  /** The tokens of the answer so far, for penalties. */
  const history = [...options.history];
  const remembers = options.sampling.presencePenalty !== 0 || options.sampling.frequencyPenalty !== 0;
  let last = first;
  let state = options.grammar === undefined ? undefined : parts.grammars.begin(options.grammar);
  /** Tokens that cannot follow the last one. */
  let forbidden: readonly number[] = [];
  sampler.applyConfig(config());

  function config(): SamplerConfig {
    const { temperature, topP, topK, minP, seed, presencePenalty, frequencyPenalty } = options.sampling;
    const biases = new Map(options.sampling.logitBias);
    if (state !== undefined) {
      // A grammar accepts the text of a control token like any text, but in an answer it would be lost.
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
      ...(topK === undefined ? {} : { topK }),
      ...(minP === undefined ? {} : { minP }),
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
 * Measures the time of each sample. The samples of a batch begin at once but run one after the other, because the
 * process has one native thread for them (`parent/environment.ts`).
 */
interface SampleWatch {
  begin(): number;
  /** Processor time since `begin`, or since the end of the sample before this one. */
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

/** Log probabilities from pairs of token and logit (with the most probable token) and the sum of all weights. */
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
