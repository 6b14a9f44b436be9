import type { Places } from '../../http/places.ts';

/** The places for runs that this worker has borrowed from its parent. */
export interface BorrowedPlaces extends Places {
  /** Gives back those that no run uses; returns their number. */
  giveBack(): number;
}

/** `borrow`: resolves with the number of places that the parent lends. `used`: the runs, and the places that are reserved. */
export function borrowedPlaces(
  first: number,
  { borrow, used }: { borrow(): Promise<number>; used(): number },
): BorrowedPlaces {
  let limit = first;
  let borrowing: Promise<void> | undefined;
  return {
    limit: () => limit,
    more() {
      borrowing ??= borrow()
        .then(
          (places) => {
            limit += places;
          },
          // The parent has ended.
          () => {},
        )
        .finally(() => {
          borrowing = undefined;
        });
      return borrowing;
    },
    giveBack() {
      const spare = Math.max(0, limit - used());
      limit -= spare;
      return spare;
    },
  };
}
