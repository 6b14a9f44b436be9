import { type CheckReport, keepsOpenAiForm } from '../check.ts';
import { countOf, ofSet } from './words.ts';

/** Width of a letter of the badge’s type, as an average: browsers stretch the text to `textLength`. */
const letterWidth = 6.5;
const padding = 6;

/** A badge as SVG, in the shape that the badges of a README have. */
export function badge(report: CheckReport): string {
  const results = ofSet(report, 'openai');
  const judged = results.length - countOf(results, 'not-applicable') - countOf(results, 'not-tried');
  const failures = countOf(results, 'fail');
  const warnings = countOf(results, 'warn');
  const strict = ofSet(report, 'tailrace');
  const keepsBoth = keepsOpenAiForm(report) && countOf(strict, 'pass') > 0 && countOf(strict, 'fail') === 0;
  const kept = judged === 0 ? 'not judged' : keepsBoth ? 'OpenAI + Tailrace' : 'OpenAI';
  const value = failures > 0 ? `${failures} of ${judged} broken` : kept;
  const colour = failures > 0 ? '#c33d2e' : judged === 0 ? '#6a6a6a' : warnings > 0 ? '#9a7500' : '#2e7d32';
  const [left, right] = ['streams', value].map(
    (text) => Math.round(text.length * letterWidth) + 2 * padding,
  ) as [number, number];
  const text = (words: string, x: number, wide: number) =>
    `<text x="${x + padding}" y="14" textLength="${wide - 2 * padding}">${words}</text>`;
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="${left + right}" height="20" role="img" aria-label="streams: ${value}">` +
    `<title>streams: ${value}</title>` +
    `<rect width="${left}" height="20" fill="#444"/><rect x="${left}" width="${right}" height="20" fill="${colour}"/>` +
    `<g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">${text('streams', 0, left)}${text(value, left, right)}</g></svg>\n`
  );
}
