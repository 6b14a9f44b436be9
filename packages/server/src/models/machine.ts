/** The environment, passed on from `cli/`: this room does not read the process. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** What decides the places of files. It is injected, so that a test can imitate another machine. */
export interface Machine {
  readonly platform: NodeJS.Platform;
  readonly homeDir: string;
}
