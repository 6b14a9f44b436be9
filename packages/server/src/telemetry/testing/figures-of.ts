import type { Instruments } from '../contract.ts';

/** The figures of a reading by their names, with the labels behind them: `request_errors overloaded`. */
export function figuresOf(instruments: Instruments): Readonly<Record<string, number>> {
  return Object.fromEntries(
    instruments
      .read()
      .figures.map(({ name, labels, value }) => [[name, ...Object.values(labels)].join(' '), value]),
  );
}
