import type { ModelConfig, PriceConfig } from '../../config/config.ts';
import type { RunOutcome } from '../../relay/run-outcome.ts';
import type { UsageRecord } from '../../storage/records.ts';
import { startTestApp, type TestApp, testKey } from '../../testing/start-app.ts';
import { type FakeOrigin, startFakeOrigin } from '../../transport/fake-origin.ts';
import { requestCostMicroUsd } from '../charge.ts';
import { createPrices } from '../prices.ts';

/** A server in the test's process that gives the outcome of each of its runs. */
export interface PricedApp {
  /**
   * Posts a chat completion and waits for its run. Throws where no run starts, and where its outcome has a failure, unless
   * that `may fail`.
   */
  ask(body: object, failure?: 'may fail'): Promise<RunOutcome>;
  /** What it has stored and logged of them, the newest first. */
  records(): Promise<readonly UsageRecord[]>;
  logged: TestApp['logged'];
  stop(): Promise<void>;
}

/** Starts the server; the caller stops it. */
export async function startPricedApp(options: Parameters<typeof startTestApp>[0]): Promise<PricedApp> {
  const app: TestApp = await startTestApp(options);
  const outcomes: Promise<RunOutcome>[] = [];
  const { runs } = app;
  const add = runs.add.bind(runs);
  runs.add = (run) => {
    outcomes.push(run.outcome);
    add(run);
  };
  return {
    async ask(body, failure) {
      const answer = await fetch(`${app.url}/v1/chat/completions`, {
        method: 'POST',
        headers: { authorization: `Bearer ${testKey}`, 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
      const text = await answer.text();
      const outcome = await outcomes.shift();
      if (outcome === undefined || (outcome.failure !== undefined && failure === undefined)) {
        throw new Error(`${answer.status} ${outcome?.failure?.detail ?? ''} ${text.slice(0, 500)}`);
      }
      return outcome;
    },
    records: async () => (await app.ledger.ledger.records({ limit: 10 })).data,
    logged: () => app.logged(),
    stop: () => app.stop(),
  };
}

/** The cost of an outcome, with a price for each public id. */
export function costOf(
  outcome: RunOutcome,
  prices: Readonly<Record<string, PriceConfig | undefined>>,
): number {
  const ids = Object.keys(prices);
  const models = ids.map((id): [string, ModelConfig] => {
    const price = prices[id];
    const targets = outcome.attempts
      .filter(({ model }) => model === id)
      .map(({ target }) => target.split('/'))
      .map(([upstream = '', ...name]) => ({ upstream, model: name.join('/'), priority: 0, weight: 1 }));
    const config = { aliases: [], targets, balance: 'weight', fallbacks: [], timeouts: {} } as const;
    return [id, price === undefined ? config : { ...config, price }];
  });
  return requestCostMicroUsd(outcome, createPrices(new Map(models)));
}

/** An upstream of which the test sets the next answers. */
export interface SetOrigin extends FakeOrigin {
  /** The body of each answer from now on. */
  answer: { readonly body: Buffer; readonly contentType: string };
}

/** Starts it; the caller closes it. */
export async function startSetOrigin(): Promise<SetOrigin> {
  let set: SetOrigin['answer'] = { body: Buffer.alloc(0), contentType: '' };
  const origin = await startFakeOrigin(({ socket }) => {
    const { body, contentType } = set;
    const type = contentType === '' ? '' : `content-type: ${contentType}\r\n`;
    const head = `HTTP/1.1 200 OK\r\n${type}content-length: ${body.length}\r\n\r\n`;
    // In one write: a second one would wait 40 ms for the acknowledgement of the first.
    socket.write(Buffer.concat([Buffer.from(head), body]));
  });
  return Object.defineProperty(origin as SetOrigin, 'answer', {
    get: () => set,
    set: (answer: SetOrigin['answer']) => {
      set = answer;
    },
  });
}
