import axe from 'axe-core';
import type { Page } from 'playwright-core';

/** What axe finds in the page as it is now, in short; and whether it is wider than its window. */
export async function faultsOf(page: Page, width: number): Promise<string[]> {
  await page.evaluate(axe.source);
  const found = await page.evaluate('axe.run().then(({ violations }) => violations)');
  const briefly = (found as axe.Result[]).map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`);
  const shown = (await page.evaluate('document.documentElement.scrollWidth')) as number;
  return shown === width ? briefly : [...briefly, `${shown} pixels wide`];
}
