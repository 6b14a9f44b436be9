import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Llama, LlamaContextSequence, LlamaModel, LlamaOptions, Token } from 'node-llama-cpp';
import { type Failure, fail, failure, ok, type Result } from '../../domain/failure.ts';
import { samplingOfFile } from '../between/file-sampling.ts';
import type { ModelToLoad } from '../between/protocol.ts';
import { detectToolSyntax } from '../between/tool-syntax.ts';
import { copiesWeights, thisMachine } from './huge-pages.ts';
import { type Internals, openInternals } from './library-internals.ts';
import type { LoadedModel, Sequence } from './model.ts';
import { createNativeSequences, type LibrarySequence } from './native-sequence.ts';
import type { Vocabulary } from './prompt.ts';
import { createSpecialTexts } from './special-text.ts';
import { bytesOfByteLevelPiece, bytesOfSentencePiece, looksLikeMarkup } from './vocabulary.ts';

/**
 * The only file that imports node-llama-cpp (3.22; its internals are in `library-internals.ts`).
 *
 * Flash attention is off on CPUs by default: it computes slices of different lengths by different kernels (slices are
 * below 64 tokens for this reason), and long sequences depend on their neighbours in the batch. Without it the same
 * seed gives the same text for any slices and neighbours. docs/performance.md has its gain and cost.
 */
export interface NativeOptions {
  readonly threads: number;
  /** For CPUs; on GPUs the library decides. */
  readonly flashAttention: boolean;
  /** In whose node_modules the library lies. Default: where Node finds it from here. */
  readonly folder?: string;
  log(message: string): void;
}

export interface Native {
  readonly device: string;
  /** Fails with one line: no GGUF, no memory, a missing file. */
  load(model: ModelToLoad): Promise<Result<LoadedModel>>;
}

type Library = typeof import('node-llama-cpp');

/** Fails where the library is not installed or has no binary for this machine. */
export async function openNative(options: NativeOptions): Promise<Result<Native>> {
  if (isMusl()) {
    return fail(
      cannot('The engine has no binary for musl (Alpine): use an image with glibc, or an upstream.'),
    );
  }
  let library: Library;
  try {
    library =
      options.folder === undefined
        ? await import('node-llama-cpp')
        : ((await import(pathToFileURL(entryOf(options.folder)).href)) as Library);
  } catch (error) {
    const detail = messageOf(error);
    return fail(
      cannot(
        'The engine library is not installed: npm install node-llama-cpp@3.22.1 beside this server.',
        detail,
      ),
    );
  }
  const opened = await openLlama(library, options);
  if (!opened.ok) return opened;
  const llama = opened.value;
  const device = llama.gpu === false ? 'cpu' : llama.gpu;
  return ok({ device, load: (model) => loadModel(library, llama, device, options, model) });
}

async function openLlama(library: Library, options: NativeOptions): Promise<Result<Llama>> {
  let detail = '';
  for (const gpu of layers(options.folder)) {
    try {
      return ok(
        await library.getLlama({
          gpu,
          build: 'never',
          skipDownload: true,
          progressLogs: false,
          maxThreads: options.threads,
          logLevel: library.LlamaLogLevel.info,
          logger: (level, message) => options.log(`${level}: ${message.trim()}`),
        }),
      );
    } catch (error) {
      detail = messageOf(error);
    }
  }
  const machine = `${process.platform}-${process.arch}`;
  return fail(cannot(`The engine has no binary that runs on this machine (${machine}).`, detail));
}

/** The compute layers to try, best first; layers for GPUs only where their package is installed. */
function layers(folder: string | undefined): readonly NonNullable<LlamaOptions['gpu']>[] {
  if (process.platform === 'darwin' && process.arch === 'arm64') return ['metal'];
  const prefix = process.platform === 'win32' ? 'win' : process.platform;
  const installed = (['cuda', 'vulkan'] as const).filter((gpu) =>
    hasBinaries(`${prefix}-${process.arch}-${gpu}`, folder),
  );
  return [...installed, false];
}

/** The file of the library that is imported. Throws where it is not installed. */
function entryOf(folder: string | undefined): string {
  const from = folder === undefined ? import.meta.url : join(folder, 'package.json');
  return createRequire(from).resolve('node-llama-cpp');
}

function hasBinaries(name: string, folder: string | undefined): boolean {
  try {
    const entry = entryOf(folder);
    const modules = entry.slice(0, entry.lastIndexOf('node-llama-cpp'));
    return existsSync(join(modules, '@node-llama-cpp', name, 'bins'));
  } catch {
    return false;
  }
}

function isMusl(): boolean {
  if (process.platform !== 'linux') return false;
  const report: unknown = process.report.getReport();
  if (typeof report !== 'object' || report === null || !('header' in report)) return false;
  const { header } = report;
  return typeof header === 'object' && header !== null && !('glibcVersionRuntime' in header);
}

async function loadModel(
  library: Library,
  llama: Llama,
  device: string,
  { threads, flashAttention }: NativeOptions,
  wanted: ModelToLoad,
): Promise<Result<LoadedModel>> {
  const name = basename(wanted.file);
  try {
    const useMmap = device !== 'cpu' || !copiesWeights(wanted.file, thisMachine);
    const model = await llama.loadModel({ modelPath: wanted.file, useMmap });
    const contextSize = await decideContext(model, wanted);
    const context = await model.createContext({
      sequences: wanted.sequences,
      contextSize,
      threads: { ideal: threads, min: threads },
      flashAttention: device === 'cpu' ? flashAttention : 'auto',
      batching: { itemPrioritizationStrategy: everything },
    });
    const vocabulary = readVocabulary(library, model);
    const internals = openInternals(llama, model, context);
    if (internals === undefined) return fail(unknownShape());
    const bytesOf = createBytesOf(library, model);
    const native = createNativeSequences({
      bytesOf,
      unusualTokens: () => vocabulary.unusual.map((token) => [token, bytesOf(token)] as const),
      internals,
      cpuMs,
      tokenize: (text) => vocabulary.tokenize(text, true),
      controls: new Map([...vocabulary.controls].filter(([token]) => !model.isEogToken(tokenId(token)))),
    });
    const sequences: Sequence[] = [];
    for (let index = 0; index < wanted.sequences; index++) {
      const opened = openSequence(context.getSequence(), internals);
      if (opened === undefined) return fail(unknownShape());
      sequences.push(native.open(opened));
    }
    const readingRate = await warmUp(sequences, vocabulary.tokenize, threads);
    const metadata = model.fileInfo.metadata;
    return ok({
      info: {
        modelName: (metadata.general.name ?? name.replace(/\.gguf$/i, '')).slice(0, longestName),
        contextLength: Math.min(context.contextSize, contextSize),
        sequences: wanted.sequences,
        threads,
        longestToken: vocabulary.longestToken,
        vocabularySize: vocabulary.size,
        toolSyntax: detectToolSyntax(metadata.tokenizer?.chat_template),
        sampling: samplingOfFile(Reflect.get(metadata.general, 'sampling')),
        device,
      },
      vocabulary,
      template: metadata.tokenizer?.chat_template,
      sequences,
      bytesOf,
      controls: vocabulary.controls,
      endsAnswer: (token) => model.isEogToken(tokenId(token)),
      readingRate,
      largestSlice: device === 'cpu' && flashAttention ? flashSlice : batchSlice,
    });
  } catch (error) {
    const detail = messageOf(error);
    if (error instanceof library.InsufficientMemoryError) {
      return fail(cannot(`Not enough memory for ${name} with ${wanted.sequences} sequences.`, detail));
    }
    const hint =
      'The file may have been cut short on its way here, or be of a kind that the engine does not know.';
    return fail(
      cannot(`${name} can't be loaded as a GGUF chat model: ${firstLine(detail)}. ${hint}`, detail),
    );
  }
}

/** The longest name that is taken from a file: it appears in logs and lists. */
const longestName = 200;
/** The tokens of a batch of the library. */
const batchSlice = 512;
/** From 64 tokens on flash attention computes in tiles and rounds differently, so a seed would not repeat its text. */
const flashSlice = 63;

/** The part of the free memory that a context of `max` may take; the rest is for other processes. */
const memoryShare = 0.6;
const smallestContext = 512;

/**
 * The tokens of each sequence: as configured, or as many as fit into a part of the free memory (within the limits of
 * control groups); never more than the model was trained with.
 */
async function decideContext(model: LlamaModel, wanted: ModelToLoad): Promise<number> {
  const trained = model.trainContextSize;
  if (wanted.context !== 'max') return Math.min(wanted.context, trained);
  const bytesAt = async (contextSize: number): Promise<number> => {
    const needed = await model.fileInsights.estimateContextResourceRequirementsV2({
      contextSize,
      modelGpuLayers: model.gpuLayers,
      sequences: wanted.sequences,
      flashAttention: false,
    });
    return needed.cpuRam + needed.gpuVram;
  };
  const [small, large] = [await bytesAt(smallestContext), await bytesAt(2 * smallestContext)];
  const bytesPerToken = Math.max(1, (large - small) / smallestContext);
  const free = process.availableMemory() * memoryShare;
  const fitting = smallestContext + Math.floor((free - small) / bytesPerToken / 256) * 256;
  return Math.min(Math.max(fitting, smallestContext), trained);
}

function openSequence(sequence: LlamaContextSequence, internals: Internals): LibrarySequence | undefined {
  const hidden = internals.sequence(sequence);
  if (hidden === undefined) return undefined;
  return {
    get nextTokenIndex() {
      return sequence.nextTokenIndex;
    },
    truncate: (length) => sequence.adaptStateToTokens(sequence.contextTokens.slice(0, length), false),
    async read(tokens) {
      await sequence.evaluateWithoutGeneratingNewTokens(tokens.map(tokenId));
    },
    internals: hidden,
  };
}

function unknownShape(): Failure {
  return cannot('The engine works with node-llama-cpp 3.22.1; another version is installed.');
}

/** Computes all calls of one turn in one batch: the scheduler has already limited their size. */
const everything: NonNullable<
  Exclude<
    NonNullable<
      NonNullable<Parameters<LlamaModel['createContext']>[0]>['batching']
    >['itemPrioritizationStrategy'],
    string
  >
> = ({ items }) =>
  [...items]
    .sort((left, right) => left.tokens.length - right.tokens.length)
    .map((item) => ({ item, processAmount: item.tokens.length }));

interface WholeVocabulary extends Vocabulary {
  readonly longestToken: number;
  readonly size: number;
  readonly controls: ReadonlyMap<number, string>;
  /** Tokens whose bytes are not all ASCII. */
  readonly unusual: readonly number[];
}

function readVocabulary(library: Library, model: LlamaModel): WholeVocabulary {
  const pieces: readonly string[] = model.fileInfo.metadata.tokenizer?.ggml?.tokens ?? [];
  const types: readonly number[] = model.fileInfo.metadata.tokenizer?.ggml?.token_type ?? [];
  const specials: [string, number][] = [];
  const controls = new Map<number, string>();
  const unusual: number[] = [];
  let longestToken = 1;
  for (const [id, piece] of pieces.entries()) {
    longestToken = Math.max(longestToken, piece.length);
    if (notAscii.test(piece)) unusual.push(id);
    // Most tokens are ordinary by their text alone and need no native call.
    if ((types[id] ?? 1) === 1 && !looksLikeMarkup(piece)) continue;
    const token = tokenId(id);
    const attributes = model.getTokenAttributes(token);
    const control = attributes.control || attributes.unknown || model.isEogToken(token);
    if (control) controls.set(id, piece);
    if (control || (attributes.userDefined && looksLikeMarkup(piece))) specials.push([piece, id]);
  }
  const addsSpace = model.vocabularyType === library.LlamaVocabularyType.spm;
  return {
    specialTexts: createSpecialTexts(specials),
    tokenize: (text, continued) =>
      continued && addsSpace ? model.tokenize(text, false, 'trimLeadingSpace') : model.tokenize(text, false),
    bosText: model.tokens.bosString ?? undefined,
    eosText: model.tokens.eosString ?? undefined,
    leadingToken: model.tokens.shouldPrependBosToken ? (model.tokens.bos ?? undefined) : undefined,
    longestToken,
    size: pieces.length,
    controls,
    unusual,
  };
}

/** Pieces with a byte that is not ASCII, apart from the spellings of spaces and line ends in vocabularies. */
const notAscii = /[^ -~\u0109\u010a\u010d\u0120\u2581]|^<0x[89A-Fa-f]/;

function createBytesOf(library: Library, model: LlamaModel): (token: number) => Uint8Array {
  const pieces: readonly string[] = model.fileInfo.metadata.tokenizer?.ggml?.tokens ?? [];
  const known = new Map<number, Uint8Array>();
  const encoder = new TextEncoder();
  const compute = (id: number): Uint8Array => {
    const token = tokenId(id);
    const attributes = model.getTokenAttributes(token);
    const piece = pieces[id];
    if (attributes.control || attributes.unknown || model.isEogToken(token)) return new Uint8Array(0);
    if (piece === undefined) return encoder.encode(model.detokenize([token], false));
    if (model.vocabularyType === library.LlamaVocabularyType.bpe) {
      return attributes.userDefined ? encoder.encode(piece) : bytesOfByteLevelPiece(piece);
    }
    if (
      model.vocabularyType === library.LlamaVocabularyType.spm ||
      model.vocabularyType === library.LlamaVocabularyType.ugm
    ) {
      return bytesOfSentencePiece(piece, attributes.byte);
    }
    return encoder.encode(model.detokenize([token], false));
  };
  return (token) => {
    let bytes = known.get(token);
    if (bytes === undefined) {
      bytes = compute(token);
      known.set(token, bytes);
    }
    return bytes;
  };
}

/** Reads a few tokens and writes one, so that the weights are in memory; returns the measured speed. */
async function warmUp(
  sequences: readonly Sequence[],
  tokenize: Vocabulary['tokenize'],
  seed: number,
): Promise<number> {
  const first = sequences[0];
  const sample = tokenize(
    'the quick brown fox jumps over the lazy dog and then once more over it',
    false,
  ).slice(0, 16);
  const last = sample.at(-1);
  if (first === undefined || last === undefined) return 1;
  await first.read(sample);
  const begun = performance.now();
  await first.read(sample);
  const rate = sample.length / Math.max(performance.now() - begun, 0.01);
  const writing = first.write(last, {
    sampling: {
      temperature: 1,
      topP: 1,
      seed,
      presencePenalty: 0,
      frequencyPenalty: 0,
      logitBias: [],
      repeatable: false,
    },
    history: [],
    maxTokens: 1,
    markers: [],
  });
  await writing.next();
  await writing.end();
  await first.keep(0);
  return rate;
}

function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** A token id in the branded type of the library. */
function tokenId(id: number): Token {
  return id as Token;
}

function cannot(message: string, detail?: string): Failure {
  return failure('internal_error', message, detail === undefined ? {} : { detail });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0]?.slice(0, 200) ?? '';
}
