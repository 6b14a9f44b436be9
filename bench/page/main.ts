import { takeFrames, watchFrames, weigh } from '../../test/page/frames.ts';
import {
  type LongAnswer,
  longAnswerServer,
  longAnswers,
  modelOf,
  piecesOf,
} from '../../test/page/long-answers.ts';
import { openPage } from '../../test/page/page.ts';
import { startBrowser } from '../../test/support/browser.ts';
import { startServer } from '../../test/support/server.ts';

/*
 * `node --conditions=tailrace-source bench/page/main.ts [NAME …]`: how the page draws long answers at 500 events a second. See
 * README.md.
 */

const everyMs = 1;
const limitMs = 100;

const names = process.argv.slice(2);
const wanted = (Object.keys(longAnswers) as LongAnswer[]).filter(
  (name) => names.length === 0 || names.includes(name),
);
const server = await startServer(longAnswerServer(everyMs));
const browser = await startBrowser();
let misses = 0;
try {
  for (const name of wanted) {
    const page = await openPage(browser, server);
    await page.choose(modelOf(name));
    const before = await weigh(page.page);
    await watchFrames(page.page);
    const beganMs = performance.now();
    await page.ask('Go');
    await page.assistant.getByText('stop', { exact: true }).waitFor({ timeout: 300_000 });
    const seconds = (performance.now() - beganMs) / 1_000;
    // What comes after the end belongs to it: the last block is drawn for good, and coloured.
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    const { frames, medianMs, p99Ms, longestMs, over100, longestTaskMs } = await takeFrames(page.page);
    const after = await weigh(page.page);
    if (longestMs > limitMs) misses += 1;
    const figures = [
      `${(piecesOf(name) / seconds).toFixed(0)} events/s`,
      `${frames} frames, median ${medianMs} ms, p99 ${p99Ms}, longest ${longestMs} (${over100} over ${limitMs})`,
      `longest task ${longestTaskMs} ms`,
      `elements ${before.elements} to ${after.elements}`,
      `heap ${before.heapMb} to ${after.heapMb} MB`,
    ];
    process.stdout.write(`${name}: ${figures.join('; ')}\n`);
    await page.close();
  }
} finally {
  await browser.close();
  await server.stop();
}
process.exit(misses === 0 ? 0 : 1);
