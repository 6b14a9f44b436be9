import {
  type AdmissionResult,
  admissionResults,
  type Counter,
  type Figure,
  type Histogram,
  type Instruments,
  type Labelled,
  type Labels,
  type Reading,
} from './contract.ts';
import { countIn, createCounts } from './histogram.ts';
import type { FigureName } from './metrics/metrics.ts';

/** The most combinations of labels of one instrument: as many as a large configuration has, and a bound for what nobody thought of. */
const mostLabels = 1_000;
/** What the labels beyond that are counted as. */
const other = 'other';

/** The instruments of one process, all at 0. They hold an object for each label that has occurred; a histogram has 1.4 kB. */
export function createInstruments(): Instruments {
  const counters: NamedCounter[] = [];
  const histograms: BucketCounts[] = [];
  const watched: (() => Partial<Reading>)[] = [];

  function counter(name: FigureName, labels: Labels = {}): Counter {
    const made = new NamedCounter(name, labels);
    counters.push(made);
    return made;
  }

  function histogram(name: FigureName, labels: Labels = {}): Histogram {
    const made = new BucketCounts(name, labels);
    histograms.push(made);
    return made;
  }

  function counterBy<Values extends readonly string[]>(
    name: FigureName,
    ...labelNames: readonly string[]
  ): Labelled<Values, Counter> {
    return new ByLabels<Values, Counter>(labelNames, (labels) => counter(name, labels));
  }

  const admissions = counterBy<readonly [AdmissionResult]>('admissions', 'result');
  // At 0 from the start on: `increase` does not see what a series begins with, and so the first refusals because of a budget.
  for (const result of admissionResults) admissions.of(result);

  return {
    httpRequests: counterBy('http_requests', 'route', 'status'),
    requestsStarted: counter('requests_started'),
    requestsEnded: counterBy('requests_ended', 'model', 'status'),
    requestErrors: counterBy('request_errors', 'model', 'code'),
    requestMs: histogram('request_duration'),
    promptTokens: counterBy('prompt_tokens', 'model'),
    completionTokens: counterBy('completion_tokens', 'model'),
    cachedTokens: counterBy('cached_tokens', 'model'),
    reasoningTokens: counterBy('reasoning_tokens', 'model'),
    spentMicroUsd: counterBy('spend', 'model'),
    ttftMs: new ByLabels(['model'], (labels) => histogram('ttft', labels)),
    gapMs: histogram('gap'),
    addedUs: histogram('overhead'),
    admissionUs: histogram('admission'),
    admissions,
    resumes: counterBy('resumes', 'way'),
    loopDelayMs: histogram('loop_delay'),
    watch: (read) => void watched.push(read),
    read() {
      const elsewhere = watched.map((read) => read());
      const figures: readonly Figure[] = counters.map(({ name, labels, value }) => ({ name, labels, value }));
      return {
        figures: figures.concat(elsewhere.flatMap((read) => read.figures ?? [])),
        histograms: [
          ...histograms.map(({ name, labels, counts }) => ({ name, labels, counts: counts.slice() })),
          ...elsewhere.flatMap((read) => read.histograms ?? []),
        ],
      };
    },
  };
}

/** Makes an instrument for each combination of labels that occurs, up to a bound. */
class ByLabels<Values extends readonly string[], Instrument> implements Labelled<Values, Instrument> {
  private readonly names: readonly string[];
  private readonly make: (labels: Labels) => Instrument;
  private readonly made = new Map<string, Instrument>();

  constructor(names: readonly string[], make: (labels: Labels) => Instrument) {
    this.names = names;
    this.make = make;
  }

  of(...values: Values): Instrument {
    const key = values.join('\0');
    const known = this.made.get(key);
    if (known !== undefined) return known;
    return this.made.size < mostLabels ? this.add(key, values) : this.rest();
  }

  private rest(): Instrument {
    return (
      this.made.get(other) ??
      this.add(
        other,
        this.names.map(() => other),
      )
    );
  }

  private add(key: string, values: readonly string[]): Instrument {
    const labels = Object.fromEntries(this.names.map((name, at) => [name, values[at] ?? other]));
    const instrument = this.make(labels);
    this.made.set(key, instrument);
    return instrument;
  }
}

class NamedCounter implements Counter {
  readonly name: FigureName;
  readonly labels: Labels;
  value = 0;
  /** What was counted too much, and is taken off from later amounts: a count never falls. 0 or less. */
  private surplus = 0;

  constructor(name: FigureName, labels: Labels) {
    this.name = name;
    this.labels = labels;
  }

  add(amount: number): void {
    const due = amount + this.surplus;
    this.surplus = Math.min(0, due);
    this.value += Math.max(0, due);
  }
}

class BucketCounts implements Histogram {
  readonly name: FigureName;
  readonly labels: Labels;
  readonly counts = createCounts();

  constructor(name: FigureName, labels: Labels) {
    this.name = name;
    this.labels = labels;
  }

  note(value: number): void {
    countIn(this.counts, value);
  }
}
