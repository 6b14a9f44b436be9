/** The environment as `cli/` hands it over; this room does not look at the process. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** What decides where files lie; injected so that a test can be another machine. */
export interface Machine {
  readonly platform: NodeJS.Platform;
  readonly homeDir: string;
}
