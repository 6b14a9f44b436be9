import { faults } from '../../packages/server/src/wall/catalogue.ts';
import type { Fault, Outcome, Outcomes } from '../../packages/server/src/wall/fault.ts';
import { whole } from '../../packages/server/src/wall/outcomes.ts';
import type { ConfigTree } from '../support/server.ts';

/** The targets beside the fault; takeover has two forms with the same expected outcomes. */
export const columns = ['one', 'second', 'replay', 'prefix'] as const;
export type Column = (typeof columns)[number];
export const modes = ['streaming', 'collected'] as const;
export type Mode = (typeof modes)[number];

/** A fault with one value of its parameter. */
export interface FaultCase {
  readonly fault: Fault;
  /** As in `wall/<spelling>`. */
  readonly spelling: string;
  /** The value of a parameter that is a word, else empty. */
  readonly word: string;
}

export const faultCases: readonly FaultCase[] = faults.flatMap((fault) => {
  const { name, parameter } = fault;
  if (parameter?.kind !== 'word') return [{ fault, spelling: name, word: '' }];
  return parameter.words.map((word) => ({ fault, spelling: `${name}:${word}`, word }));
});

export function expectedIn(column: Column, { fault }: FaultCase): Outcomes {
  return fault.expected[column === 'one' || column === 'second' ? column : 'takeover'];
}

/**
 * The outcomes that are true. An answer that its finish breaks is withheld as long as nothing of it has left. Where the machine is so
 * busy that the server reads the whole answer at once, another target answers and the client gets it whole.
 */
export function trueOutcomes(column: Column, faultCase: FaultCase, mode: Mode): readonly Outcome[] {
  const expected = expectedIn(column, faultCase)[mode];
  const mayBeWithheld = column !== 'one' && faultCase.fault.asks?.['response_format'] !== undefined;
  return mayBeWithheld ? [expected, whole] : [expected];
}

/** The id under which the server serves a case. */
export function modelOf(column: Column, { spelling }: FaultCase): string {
  return `${column}/${spelling}`;
}

/** A configuration with one model for each case and column, and short timeouts, so that the run is short. */
export function wallConfig(wallPort: number, refusePort: number): ConfigTree {
  const upstream = (port: number, more: ConfigTree = {}): ConfigTree => ({
    kind: 'openai',
    base_url: `http://127.0.0.1:${port}/v1`,
    api_key: 'wall',
    ...more,
  });
  const models = columns.flatMap((column) =>
    faultCases.map((faultCase) => [modelOf(column, faultCase), modelConfig(column, faultCase)] as const),
  );
  return {
    upstreams: {
      wall: upstream(wallPort),
      // Its preset says that it continues a prefix.
      spare: upstream(wallPort, { preset: 'vllm' }),
      closed: upstream(refusePort),
    },
    models: Object.fromEntries(models),
    timeouts: { connect: '2s', first_token: '2s', stall: '1s', total: '60s' },
    retry: { backoff: '10ms' },
    // The breaker of a target that fails on purpose does not open.
    breaker: { failures: 10_000 },
  };
}

function modelConfig(column: Column, { fault, spelling }: FaultCase): ConfigTree {
  const takeover = column === 'replay' || column === 'prefix' ? column : 'none';
  const upstream = fault.closedPort === true ? 'closed' : 'wall';
  const faulty = { upstream, model: `wall/${spelling}`, takeover };
  const healthy = { upstream: 'spare', model: 'wall/healthy', priority: 1, takeover };
  return {
    targets: column === 'one' ? [faulty] : [faulty, healthy],
    ...(fault.name === 'endless' ? { timeouts: { total: '3s' } } : {}),
  };
}
