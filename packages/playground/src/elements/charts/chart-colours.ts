import { useSyncExternalStore } from 'react';

/** Which colour of `charts.css` a series has. From the ninth series on they share the last. */
export type ChartColour = 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8;

export const chartColourCount = 8;

export function chartColourAt(index: number): ChartColour {
  return Math.min(index + 1, chartColourCount) as ChartColour;
}

/** For elements, which follow a change of the scheme by themselves. */
export function colourToken(colour: ChartColour): string {
  return `var(--chart-${colour})`;
}

/** The value of a token of the style sheets now. A canvas needs it: it does not know tokens. */
export function tokenValue(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

const darkScheme = '(prefers-color-scheme: dark)';

/** Whether the dark scheme is in force; the element is drawn again when that changes. */
export function useIsDark(): boolean {
  return useSyncExternalStore(
    (changed) => {
      const query = window.matchMedia(darkScheme);
      query.addEventListener('change', changed);
      return () => query.removeEventListener('change', changed);
    },
    () => window.matchMedia(darkScheme).matches,
  );
}
