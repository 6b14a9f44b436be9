/** The environment variables of a process. `config/` gets them as an argument and never reads the process. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** The value of a variable. An empty one counts as not set: compose files write that for a variable that is not set. */
export function environmentVariable(env: Environment, name: string): string | undefined {
  const value = Object.hasOwn(env, name) ? env[name] : undefined;
  return value === '' ? undefined : value;
}
