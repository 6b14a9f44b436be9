import { startChild } from '../support/child.ts';

/** Runs a program to its end, with a text as its standard input. */
export async function runWithInput(
  program: string,
  args: readonly string[],
  input: string,
): Promise<{ readonly code: number | null; readonly output: string }> {
  const child = startChild(program, args);
  child.process.stdin?.end(input);
  const { code } = await child.exited;
  return { code, output: child.stdout() + child.stderr() };
}
