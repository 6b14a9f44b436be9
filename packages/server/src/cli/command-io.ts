/**
 * What a command sees of the world: `cli/main.ts` passes the real environment and streams, a test its own.
 * Commands read and write nothing of the process besides.
 */
export interface CommandIo {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Absolute; relative paths on the command line start here. */
  readonly cwd: string;
  readonly stdout: NodeJS.WritableStream & { isTTY?: boolean };
  readonly stderr: NodeJS.WritableStream & { isTTY?: boolean };
}
