import { readEnv } from '../client/environment.ts';

const said = new Set<string>();

/**
 * Says on the console of the app's server, once, why its chat route cannot work: the page gets no reason that names keys or hosts. In
 * production (`NODE_ENV`) it says nothing: there the log of the chat server has it, with the id of the request.
 */
export function warnDeveloper(problem: string): void {
  if (readEnv('NODE_ENV') === 'production' || said.has(problem)) return;
  said.add(problem);
  console.error(`tailrace/next: ${problem}`);
}
