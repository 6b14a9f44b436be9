import type {
  Counter,
  EndedOutcome,
  Figure,
  Histogram,
  Instruments,
  LabelledCounter,
  Labels,
} from './contract.ts';
import { bucketCount, countIn } from './histogram.ts';
import type { MeasureName } from './measures.ts';

/** The instruments of one process, all at 0. They hold a counter for each label that has occurred, and three histograms of 1.4 kB. */
export function createInstruments(): Instruments {
  const counters: NamedCounter[] = [];
  const histograms: BucketCounts[] = [];
  const watched: (() => readonly Figure[])[] = [];

  function counter(name: MeasureName, labels: Labels = {}): Counter {
    const made = new NamedCounter(name, labels);
    counters.push(made);
    return made;
  }

  function labelled<Label extends string>(name: MeasureName, labelName: string): LabelledCounter<Label> {
    const byLabel = new Map<Label, Counter>();
    return {
      of(label) {
        const known = byLabel.get(label) ?? counter(name, { [labelName]: label });
        byLabel.set(label, known);
        return known;
      },
    };
  }

  function histogram(name: MeasureName): Histogram {
    const made = new BucketCounts(name);
    histograms.push(made);
    return made;
  }

  return {
    requestsStarted: counter('requests_started'),
    requestsEnded: labelled<EndedOutcome>('requests_ended', 'status'),
    requestErrors: labelled('request_errors', 'code'),
    promptTokens: counter('prompt_tokens'),
    completionTokens: counter('completion_tokens'),
    spentMicroUsd: counter('spend'),
    ttftMs: histogram('ttft'),
    gapMs: histogram('gap'),
    loopDelayMs: histogram('loop_delay'),
    watch: (read) => void watched.push(read),
    read: () => ({
      figures: [
        ...counters.map(({ name, labels, value }) => ({ name, labels, value })),
        ...watched.flatMap((read) => read()),
      ],
      histograms: histograms.map(({ name, counts }) => ({ name, counts: counts.slice() })),
    }),
  };
}

class NamedCounter implements Counter {
  readonly name: MeasureName;
  readonly labels: Labels;
  value = 0;
  /** What was counted too much, and is taken off from later amounts: a count never falls. 0 or less. */
  private surplus = 0;

  constructor(name: MeasureName, labels: Labels) {
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
  readonly name: MeasureName;
  /** Doubles: counts of 32 bits would be full after three days at 15,000 events a second. */
  readonly counts = new Float64Array(bucketCount);

  constructor(name: MeasureName) {
    this.name = name;
  }

  note(value: number): void {
    countIn(this.counts, value);
  }
}
