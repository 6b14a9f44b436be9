import { type CheckReport, keepsOpenAiForm } from '../check.ts';
import type { RuleSet } from '../rules/rule.ts';
import { rules } from '../rules/rules.ts';
import { countOf, ofSet } from './words.ts';

/** Width of a letter of the badge’s type, as an average: browsers stretch the text to `textLength`. */
const letterWidth = 6.5;
const padding = 6;

/** All rules of a set were judged: `--only`, the budget and the timeout have left none out. */
function isWhole(report: CheckReport, set: RuleSet): boolean {
  const results = ofSet(report, set);
  return (
    results.length === rules.filter((rule) => rule.set === set).length &&
    countOf(results, 'not-tried') + countOf(results, 'too-slow') === 0
  );
}

/**
 * A badge as SVG, in the shape that the badges of a README have. It names a set only where all of its rules were judged; where some were
 * left out it is grey and says how many were judged.
 */
export function badge(report: CheckReport): string {
  const results = ofSet(report, 'openai');
  const judged = (['pass', 'fail', 'warn'] as const).reduce((sum, one) => sum + countOf(results, one), 0);
  const failures = countOf(results, 'fail');
  const warnings = countOf(results, 'warn');
  const strict = ofSet(report, 'tailrace');
  const keepsBoth = keepsOpenAiForm(report) && isWhole(report, 'tailrace') && countOf(strict, 'fail') === 0;
  const whole = isWhole(report, 'openai');
  const value =
    failures > 0
      ? `${failures} of ${judged} broken`
      : judged === 0
        ? 'not judged'
        : !whole
          ? `${judged} rules only`
          : keepsBoth
            ? 'OpenAI + Tailrace'
            : 'OpenAI';
  const colour = failures > 0 ? '#c33d2e' : !whole ? '#5f6368' : warnings > 0 ? '#9a7500' : '#2e7d32';
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
