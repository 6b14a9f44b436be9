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
  find(question: string, options: Pick<FindTask, 'goal' | 'most'>): readonly FoundPassage[];
}

let made: { readonly from: string; readonly finder: Finder } | undefined;

serveTasks(async ({ finder, passages, question, goal, most }: FindTask) => {
  // In a clone the docs are built anew while the server runs; each build has other names.
  const from = `${finder} ${passages}`;
  if (made?.from !== from) {
    const module = (await import(pathToFileURL(finder).href)) as FinderModule;
    made = { from, finder: module.createFinder(JSON.parse(await readFile(passages, 'utf8'))) };
  }
  return made.finder.find(question, { goal, most });
});
