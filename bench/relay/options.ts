import { parseArgs } from 'node:util';
import { type Gateway, parseGateway } from './gateway.ts';
import type { Kind } from './upstream/dialects.ts';

export type Benchmark = 'relay' | 'gaps' | 'requests' | 'idle';

export interface Options {
  readonly benchmark: Benchmark;
  readonly streams: number;
  /** Events a second of a stream; for `requests`, requests a second. */
  readonly rate: number;
  /** Length of a stream in `relay` and `gaps`. */
  readonly streamSeconds: number;
  /** Of a request in `requests`. */
  readonly events: number;
  /** Between two events in `requests`; 0: all at once. */
  readonly intervalMs: number;
  readonly rounds: number;
  readonly warmUpSeconds: number;
  readonly seconds: number;
  readonly together: boolean;
  readonly keepAlive: boolean;
  readonly pauses: boolean;
  readonly nginx: string;
  readonly before: string | undefined;
  /** Tailrace once more, its streams resumable. */
  readonly resumable: boolean;
  /** Where that one keeps its streams; undefined: in its memory. */
  readonly redis: string | undefined;
  readonly kind: Kind;
  readonly gateways: readonly Gateway[];
  readonly upstreamPort: number;
  readonly json: string | undefined;
  readonly heap: string | undefined;
}

export const usage = `npm run bench -- relay | gaps | requests | idle [options]
npm run bench -- scaling [measure]   what a fleet needs, on paper and simulated: bench/scaling/README.md

  relay      CPU and memory for relayed events: streams of some seconds, one after another
  gaps       the same load: by how much events come later than they were sent, as a histogram
  requests   CPU for a request: so many short answers a second, whether earlier ones have ended or not
  idle       memory for an open stream that is silent

  --streams N        streams at a time (relay, gaps: 300; idle: 5000)
  --rate N           events a second of a stream (50); requests a second (1000)
  --stream-seconds N length of a stream (relay, gaps: 3)
  --events N         events of an answer (requests: 5)
  --interval-ms N    between them, 0 for all at once (requests: 1)
  --rounds N         rounds in which the proxies take turns (3)
  --warm-up N        seconds before the first measurement of each proxy (30)
  --seconds N        seconds of each measurement (20)
  --together         streams send at the same moments, as an engine that batches does
  --close            a connection for each answer (the default of relay and gaps)
  --keep-alive       connections are used again (the default of requests)
  --pauses           relay: at the end, the pauses of Tailrace's event loop, in a run of its own
  --heap FILE        idle: what the heap holds for a stream, by constructor; two snapshots stay beside FILE
  --kind KIND        protocol of the upstream: openai, anthropic or gemini; the latter two without nginx
  --nginx PATH       (nginx); 'none' leaves it out
  --before CHECKOUT  Tailrace from another checkout of this repository, with its dependencies installed
  --resumable        Tailrace once more beside itself, its streams resumable
  --redis URL        that one keeps its streams in this Redis
  --with NAME=URL[,key=KEY][,model=MODEL][,pid=PID]…
                     another gateway that runs already, before --upstream-port; may be repeated
  --upstream-port N  the port of the bench's upstream (any free one)
  --json FILE        the results as JSON; - for standard output, the tables then go to standard error
`;

const benchmarks: readonly Benchmark[] = ['relay', 'gaps', 'requests', 'idle'];
const kinds: readonly Kind[] = ['openai', 'anthropic', 'gemini'];

/** Reads the command line; undefined for `--help`. Throws an Error that names the option that is wrong. */
export function readOptions(args: readonly string[]): Options | undefined {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      streams: { type: 'string' },
      rate: { type: 'string' },
      'stream-seconds': { type: 'string', default: '3' },
      events: { type: 'string', default: '5' },
      'interval-ms': { type: 'string', default: '1' },
      rounds: { type: 'string', default: '3' },
      'warm-up': { type: 'string', default: '30' },
      seconds: { type: 'string', default: '20' },
      together: { type: 'boolean', default: false },
      close: { type: 'boolean', default: false },
      'keep-alive': { type: 'boolean', default: false },
      pauses: { type: 'boolean', default: false },
      nginx: { type: 'string', default: 'nginx' },
      before: { type: 'string' },
      resumable: { type: 'boolean', default: false },
      redis: { type: 'string' },
      kind: { type: 'string', default: 'openai' },
      with: { type: 'string', multiple: true, default: [] },
      'upstream-port': { type: 'string', default: '0' },
      json: { type: 'string' },
      heap: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return undefined;
  const benchmark = oneOf(benchmarks, positionals[0], 'the benchmark');
  return {
    benchmark,
    streams: number(values.streams ?? (benchmark === 'idle' ? '5000' : '300'), '--streams', 1),
    rate: number(values.rate ?? (benchmark === 'requests' ? '1000' : '50'), '--rate', 1),
    streamSeconds: number(values['stream-seconds'], '--stream-seconds', 0.1),
    events: number(values.events, '--events', 1),
    intervalMs: number(values['interval-ms'], '--interval-ms', 0),
    rounds: number(values.rounds, '--rounds', 1),
    warmUpSeconds: number(values['warm-up'], '--warm-up', 0),
    seconds: number(values.seconds, '--seconds', 1),
    together: values.together,
    keepAlive: values['keep-alive'] || (benchmark === 'requests' && !values.close),
    pauses: values.pauses,
    nginx: values.nginx,
    before: values.before,
    resumable: values.resumable || values.redis !== undefined,
    redis: values.redis,
    kind: oneOf(kinds, values.kind, '--kind'),
    gateways: values.with.map(parseGateway),
    upstreamPort: number(values['upstream-port'], '--upstream-port', 0),
    json: values.json,
    heap: values.heap,
  };
}

function number(text: string, name: string, least: number): number {
  const value = Number(text);
  if (!Number.isFinite(value) || value < least)
    throw new Error(`${name} takes a number from ${least} up, not ${text}`);
  return value;
}

function oneOf<T extends string>(names: readonly T[], text: string | undefined, what: string): T {
  const found = names.find((name) => name === text);
  if (found === undefined) throw new Error(`${what} is one of ${names.join(', ')}, not ${text ?? 'nothing'}`);
  return found;
}
