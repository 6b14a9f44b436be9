import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** The licences of the packages in these folders, as their authors ask for: whole, each with its package's name. */
export function noticesOf(folders: readonly string[]): string {
  const parts = folders.map((folder) => {
    const { name, version, license } = JSON.parse(
      readFileSync(path.join(folder, 'package.json'), 'utf8'),
    ) as { name: string; version: string; license?: string };
    const files = readdirSync(folder).filter((file) => /^(licen[cs]e|copying|notice)/i.test(file));
    const texts = files.map((file) => readFileSync(path.join(folder, file), 'utf8').trim());
    // A few packages name their licence only, in the manifest.
    const text =
      texts.length === 0
        ? `Its package names the licence ${license}, and has no text of it.`
        : texts.join('\n\n');
    return `## ${name} ${version} (${license})\n\n${text}\n`;
  });
  return `# Third-party notices\n\nThis package contains code of these packages.\n\n${parts.join('\n')}`;
}
