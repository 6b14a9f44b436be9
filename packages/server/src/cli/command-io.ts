/**
 * Environment and streams of a command: `cli/main.ts` passes those of the process, a test passes its own. A command uses
 * nothing else of the process.
 */
export interface CommandIo {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The working directory, absolute. Relative paths on the command line start here. */
  readonly cwd: string;
  readonly stdout: NodeJS.WritableStream & { isTTY?: boolean; columns?: number };
  readonly stderr: NodeJS.WritableStream & { isTTY?: boolean };
}
