import type { Figure, Labels, Reading } from '../../telemetry/contract.ts';
import { countIn, createCounts } from '../../telemetry/histogram.ts';
import type { FigureName } from '../../telemetry/metrics/metrics.ts';
import type { GenerationEvent, ModelInfo } from '../between/protocol.ts';
import type { Call } from './calls.ts';

/** What is counted of an engine since its start, over all its child processes. */
export interface EngineCounts {
  /** A call has waited so long for a sequence. */
  waited(milliseconds: number): void;
  /** A prompt has been read. */
  prompt(model: string, tokens: number, cachedTokens: number): void;
  /** The events of one round of the child. */
  round(events: readonly GenerationEvent[]): void;
  /** A child process starts. */
  started(): void;
  read(now: EngineNow): Reading;
}

/** How an engine stands. */
export interface EngineNow {
  readonly up: boolean;
  readonly running: number;
  readonly waiting: number;
  readonly calls: readonly Call[];
  readonly models: ReadonlyMap<string, ModelInfo>;
  /** The memory and the CPU time of its process; undefined where they are not known. */
  readonly process: { readonly residentBytes: number; readonly cpuMs: number } | undefined;
}

export function createEngineCounts(): EngineCounts {
  const waitMs = createCounts();
  const batches = createCounts();
  const prompts = new Map<string, { computed: number; cached: number }>();
  let starts = 0;
  return {
    waited: (milliseconds) => countIn(waitMs, Math.round(milliseconds)),
    prompt(model, tokens, cachedTokens) {
      const counted = prompts.get(model) ?? { computed: 0, cached: 0 };
      prompts.set(model, counted);
      counted.computed += tokens - cachedTokens;
      counted.cached += cachedTokens;
    },
    round(events) {
      const answers = answersIn(events);
      if (answers > 0) countIn(batches, answers);
    },
    started: () => {
      starts += 1;
    },
    read: (now) => ({
      figures: [
        figure('engine_starts', starts),
        ...statesOf(now),
        ...[...prompts].flatMap(([model, { computed, cached }]) => [
          figure('engine_prompt_tokens', computed, { model, source: 'computed' }),
          figure('engine_prompt_tokens', cached, { model, source: 'cached' }),
        ]),
      ],
      histograms: [
        { name: 'engine_queue_wait', labels: {}, counts: waitMs.slice() },
        { name: 'engine_batch', labels: {}, counts: batches.slice() },
      ],
    }),
  };
}

function statesOf({ up, running, waiting, calls, models, process }: EngineNow): readonly Figure[] {
  return [
    figure('engine_up', up ? 1 : 0),
    figure('engine_running', running),
    figure('engine_queue', waiting),
    ...[...models].flatMap(([model, { sequences, contextLength }]) => [
      figure('engine_sequences', sequences, { model }),
      figure('engine_context_limit', sequences * contextLength, { model }),
      figure('engine_context', contextOf(model, calls), { model }),
    ]),
    ...(process === undefined
      ? []
      : [figure('engine_memory', process.residentBytes), figure('engine_cpu', process.cpuMs)]),
  ];
}

/** Each choice has the prompt in its own sequence. */
function contextOf(model: string, calls: readonly Call[]): number {
  let tokens = 0;
  for (const { message, phase, promptTokens, sampledTokens, unfinished } of calls) {
    if (message.model === model && phase === 'running') tokens += promptTokens * unfinished + sampledTokens;
  }
  return tokens;
}

function figure(name: FigureName, value: number, labels: Labels = {}): Figure {
  return { name, labels, value };
}

/** The answers of which a round has sampled tokens: events of one answer follow each other. Other messages have none. */
function answersIn(events: readonly GenerationEvent[]): number {
  let answers = 0;
  let last: { readonly id: number; readonly choice: number } | undefined;
  for (const event of events) {
    if (!('tokens' in event) || event.tokens === 0) continue;
    if (last?.id === event.id && last.choice === event.choice) continue;
    last = event;
    answers += 1;
  }
  return answers;
}
