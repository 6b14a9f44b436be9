import { readFile } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
import { serveTasks } from '../worker/serve-tasks.ts';
import type { FindTask, FoundPassage } from './passage-finder.ts';

/* The process that finds passages, by the module that browsers load too. */

/** `packages/docs/src/search/find-passages.ts`, built. */
interface FinderModule {
  createFinder(passages: unknown): Finder;
}
interface Finder {
  /** `at`: the place of a passage in the list of all. */
  find(
    question: string,
    options: Pick<FindTask, 'goal' | 'most'>,
  ): readonly (Omit<FoundPassage, 'html'> & { readonly at: number })[];
}

let made: { readonly from: string; readonly finder: Finder } | undefined;

serveTasks(
  async ({
    finder,
    passages,
    passagesHtml,
    question,
    goal,
    most,
  }: FindTask): Promise<readonly FoundPassage[]> => {
    // In a clone the docs are built anew while the server runs; each build has other names.
    const from = `${finder} ${passages}`;
    if (made?.from !== from) {
      const module = (await import(pathToFileURL(finder).href)) as FinderModule;
      made = { from, finder: module.createFinder(JSON.parse(await readFile(passages, 'utf8'))) };
    }
    const found = made.finder.find(question, { goal, most });
    if (passagesHtml === undefined) return found;
    // A megabyte, for browsers without scripts only: it is not kept.
    const html = JSON.parse(await readFile(passagesHtml, 'utf8')) as readonly string[];
    return found.map((passage) => ({ ...passage, html: html[passage.at] ?? '' }));
  },
);
