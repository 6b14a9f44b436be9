import axe from 'axe-core';
import type { Page } from 'playwright-core';
import { expect } from 'vitest';
import { roundsOf } from '../../packages/server/src/testing/suite-part.ts';

/** axe finds nothing in what is shown now, and the page does not scroll sideways. `view`: its name, for a failure. */
export async function looksRight(page: Page, view: string): Promise<void> {
  expect(await faultsOf(page), view).toEqual([]);
}

/** What axe finds in the page as it is now, in short; and whether it is wider than its window. */
async function faultsOf(page: Page): Promise<string[]> {
  if (!(await page.evaluate<boolean>("'axe' in window"))) await page.evaluate(axe.source);
  // Of what is right axe would describe each element too.
  const options = "{ resultTypes: ['violations'] }";
  const found = await page.evaluate(`axe.run(${options}).then(({ violations }) => violations)`);
  const briefly = (found as axe.Result[]).map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`);
  const shown = await page.evaluate<number>('document.documentElement.scrollWidth');
  return shown === page.viewportSize()?.width ? briefly : [...briefly, `${shown} pixels wide`];
}

/** How a view is looked at: colour scheme, and width in pixels. In the soak in each scheme at each width. */
export const looks = (
  [
    ['light', 1440],
    ['dark', 390],
    ['dark', 1440],
    ['light', 390],
  ] as const
).slice(0, roundsOf(4, 2));
