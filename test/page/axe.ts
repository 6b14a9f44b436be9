import axe from 'axe-core';
import type { Page } from 'playwright-core';
import { roundsOf } from '../../packages/server/src/testing/suite-part.ts';

/** What axe finds in the page as it is now, in short; and whether it is wider than its window. */
export async function faultsOf(page: Page, width: number): Promise<string[]> {
  await page.evaluate(axe.source);
  const found = await page.evaluate('axe.run().then(({ violations }) => violations)');
  const briefly = (found as axe.Result[]).map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`);
  const shown = (await page.evaluate('document.documentElement.scrollWidth')) as number;
  return shown === width ? briefly : [...briefly, `${shown} pixels wide`];
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
