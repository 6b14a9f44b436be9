import { Agenda } from './agenda.ts';
import type { Dice } from './random.ts';

/*
 * Engines with so many places each. A request goes to one of them when it comes, and waits there if every place is taken: a gateway cannot move
 * it afterwards. So the choice matters, and Erlang's formula, where all wait in one line, is the best that any choice can do.
 */
export interface EnginesOptions {
  readonly dice: Dice;
  readonly engines: number;
  readonly placesPerEngine: number;
  readonly requestsPerSecond: number;
  /** On average; of an exponential distribution. */
  readonly answerSeconds: number;
  /** `weight`: drawn with equal shares. `least_busy`: the one with the fewest requests, running and waiting. */
  readonly balance: 'weight' | 'least_busy';
  readonly requests: number;
}

export interface EnginesSeen {
  readonly waitingShare: number;
  readonly waitMeanSeconds: number;
  readonly waitP99Seconds: number;
}

type Happening = { readonly kind: 'arrival' } | { readonly kind: 'end'; readonly engine: number };

export function simulateEngines(options: EnginesOptions): EnginesSeen {
  const { dice, engines, placesPerEngine, requests } = options;
  const agenda = new Agenda<Happening>();
  const running = new Int32Array(engines);
  const lines: number[][] = Array.from({ length: engines }, () => []);
  const waits: number[] = [];
  // The first tenth fills the engines and is not counted.
  const ignored = requests / 10;
  let arrived = 0;

  function choose(): number {
    if (options.balance === 'weight') return Math.floor(dice.uniform() * engines);
    let best = 0;
    let bestLoad = Number.POSITIVE_INFINITY;
    // Begun at a random one, so that equal engines get equal shares.
    const first = Math.floor(dice.uniform() * engines);
    for (let step = 0; step < engines; step += 1) {
      const engine = (first + step) % engines;
      const load = (running[engine] ?? 0) + (lines[engine]?.length ?? 0);
      if (load < bestLoad) [best, bestLoad] = [engine, load];
    }
    return best;
  }

  function run(engine: number, now: number, arrivedAt: number, counts: boolean): void {
    running[engine] = (running[engine] ?? 0) + 1;
    if (counts) waits.push(now - arrivedAt);
    agenda.add(now + dice.exponential(options.answerSeconds), { kind: 'end', engine });
  }

  agenda.add(0, { kind: 'arrival' });
  while (waits.length < requests - ignored) {
    const happening = agenda.next();
    if (happening === undefined) break;
    const { time: now, thing } = happening;
    if (thing.kind === 'arrival') {
      arrived += 1;
      const engine = choose();
      if ((running[engine] ?? 0) < placesPerEngine) run(engine, now, now, arrived > ignored);
      else lines[engine]?.push(arrived > ignored ? now : -1 - now);
      agenda.add(now + dice.exponential(1 / options.requestsPerSecond), { kind: 'arrival' });
      continue;
    }
    running[thing.engine] = (running[thing.engine] ?? 0) - 1;
    const waiting = lines[thing.engine]?.shift();
    // A time below zero is that of one who came while nothing was counted.
    if (waiting !== undefined) run(thing.engine, now, Math.abs(waiting), waiting >= 0);
  }
  const sorted = waits.toSorted((a, b) => a - b);
  return {
    waitingShare: waits.filter((wait) => wait > 0).length / waits.length,
    waitMeanSeconds: waits.reduce((sum, wait) => sum + wait, 0) / waits.length,
    waitP99Seconds: sorted[Math.floor(0.99 * sorted.length)] ?? 0,
  };
}
