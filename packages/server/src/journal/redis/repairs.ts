import type { Once } from '../contract.ts';
import { beatKey, eventsKey, metaKey, onceKey } from './keys.ts';
import { repairScript } from './scripts.ts';
import type { Probe } from './store-link.ts';

/** A stream of which Redis may have something else than this process. */
export interface Repair {
  readonly id: string;
  /** `lost`: readers are refused from now on. `none`: the stream never was, also where a late call begins it yet. */
  readonly fate: 'lost' | 'none';
  readonly once: Once | undefined;
}

/** What Redis has to be told as soon as it answers. There are as many at most as streams ran when it went away. */
export class Repairs {
  private readonly processId: string;
  private readonly retentionMs: () => number;
  private readonly waiting = new Map<string, Repair>();

  constructor(processId: string, retentionMs: () => number) {
    this.processId = processId;
    this.retentionMs = retentionMs;
  }

  get size(): number {
    return this.waiting.size;
  }

  add(repair: Repair): void {
    this.waiting.set(repair.id, repair);
  }

  get(id: string): Repair | undefined {
    return this.waiting.get(id);
  }

  /** The first of them; a call even where there are none: it shows whether Redis takes writes, and is the beat. */
  next(): Probe {
    return this.probeOf([...this.waiting.values()].slice(0, atOnce));
  }

  /** All of them. */
  all(): readonly Probe[] {
    const repairs = [...this.waiting.values()];
    const probes: Probe[] = [];
    for (let from = 0; from < repairs.length; from += atOnce) {
      probes.push(this.probeOf(repairs.slice(from, from + atOnce)));
    }
    return probes;
  }

  private probeOf(repairs: readonly Repair[]): Probe {
    return {
      script: repairScript,
      keys: [beatKey(this.processId), ...repairs.flatMap(({ id }) => [metaKey(id), eventsKey(id)])],
      args: [
        beatMs,
        this.retentionMs(),
        ...repairs.flatMap(({ id, fate, once }) => [
          id,
          fate,
          once === undefined ? '' : onceKey(once),
          once?.fingerprint ?? '',
        ]),
      ],
      done: () => {
        for (const repair of repairs)
          if (this.waiting.get(repair.id) === repair) this.waiting.delete(repair.id);
      },
    };
  }
}

/** The expiry of a process' beat, in milliseconds. A stream is cut between 4 and 8 s after the death of its process. */
export const beatMs = 6_000;

/** They keep Redis about a millisecond. */
const atOnce = 200;
