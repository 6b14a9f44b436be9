/*
 * What Prometheus would have of a server: its series, one value for each scrape. A test scrapes as fast as it likes; the recording says
 * that a minute lies between two scrapes.
 */

export const stepSeconds = 60;
/** When a recording begins, in Unix seconds: the beginning of a block of Prometheus. */
export const beginsAt = 1_790_000_000 - (1_790_000_000 % 7_200);

export interface Recording {
  /** Scrapes now. A server that does not answer is recorded too: `up` is 0, and its series have no value. */
  scrape(): Promise<void>;
  /** The number of scrapes until now. */
  readonly scrapes: number;
  /** By name and labels; undefined where a scrape did not have it. */
  readonly series: ReadonlyMap<string, readonly (number | undefined)[]>;
  /** The last scrape, as it came. */
  readonly lastText: string;
}

/** `baseUrl`: of the server. Its series get the labels of a job and an instance. */
export function record(baseUrl: string): Recording {
  const series = new Map<string, (number | undefined)[]>();
  let scrapes = 0;
  let lastText = '';

  function add(name: string, value: number): void {
    const values = series.get(name) ?? [];
    series.set(name, values);
    while (values.length < scrapes) values.push(undefined);
    values.push(value);
  }

  return {
    series,
    get scrapes() {
      return scrapes;
    },
    get lastText() {
      return lastText;
    },
    async scrape() {
      const answer = await fetch(`${baseUrl}/metrics`, { headers: { connection: 'close' } }).catch(
        () => undefined,
      );
      const text = answer?.ok === true ? await answer.text() : undefined;
      add(`up{${ownLabels}}`, text === undefined ? 0 : 1);
      for (const [name, value] of samplesIn(text ?? '')) add(name, value);
      if (text !== undefined) lastText = text;
      scrapes += 1;
    },
  };
}

const ownLabels = 'instance="10.0.0.5:7245",job="tailrace"';

function* samplesIn(text: string): Generator<readonly [series: string, value: number]> {
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    const end = line.lastIndexOf(' ');
    const name = line.slice(0, end);
    const labelled = name.endsWith('}') ? `${name.slice(0, -1)},${ownLabels}}` : `${name}{${ownLabels}}`;
    yield [labelled, Number(line.slice(end + 1))];
  }
}

/** The series as `promtool test rules` takes them. Prometheus marks a series that a scrape lacks as stale: it has no value from then on. */
export function inputSeries({
  series,
  scrapes,
}: Recording): readonly { readonly series: string; readonly values: string }[] {
  const shown = (values: readonly (number | undefined)[], at: number) =>
    values[at] ?? (values[at - 1] === undefined ? '_' : 'stale');
  return [...series].map(([name, values]) => ({
    series: name,
    values: Array.from({ length: scrapes }, (_, at) => shown(values, at)).join(' '),
  }));
}

/** The series as `promtool tsdb create-blocks-from openmetrics` takes them. */
export function openMetrics({ series }: Recording): string {
  const lines = [...series].flatMap(([name, values]) =>
    values.flatMap((value, at) =>
      value === undefined ? [] : [`${name} ${value} ${beginsAt + at * stepSeconds}`],
    ),
  );
  return `${lines.join('\n')}\n# EOF\n`;
}
