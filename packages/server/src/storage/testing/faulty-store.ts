import type { OpenedStore } from '../opening.ts';
import { StoreError } from '../store-error.ts';

/** What happens to a call. `lost-request`: it changes nothing. `lost-answer`: it is carried out. Both reject. */
export type Fault = 'none' | 'lost-request' | 'lost-answer';

export type StoreMethod = Exclude<keyof OpenedStore, 'exportRows' | 'close'>;

/** Chooses for the call with this number (from 1). */
export type FaultPlan = (count: number, method: StoreMethod) => Fault;

/** A store whose calls fail as the plan says, as if the connection to it were lost. `close` and exports never fail. */
export function faultyStore<T extends OpenedStore>(store: T, plan: FaultPlan): T {
  let count = 0;
  return new Proxy(store, {
    get(target, name: keyof T & string) {
      const member = target[name];
      if (typeof member !== 'function' || name === 'exportRows' || name === 'close') return member;
      return async (...parameters: unknown[]) => {
        count += 1;
        const fault = plan(count, name as StoreMethod);
        if (fault === 'lost-request') throw lost();
        const answer: unknown = await member.apply(target, parameters);
        if (fault === 'lost-answer') throw lost();
        return answer;
      };
    },
  });
}

/** Every n-th call fails: by turns before and after it has been carried out. */
export function everyNth(n: number): FaultPlan {
  return (count) => {
    if (count % n !== 0) return 'none';
    return (count / n) % 2 === 1 ? 'lost-answer' : 'lost-request';
  };
}

function lost(): StoreError {
  return new StoreError('unreachable', 'the connection was lost, because the test wants it so');
}
