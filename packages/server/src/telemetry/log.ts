export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** Values a log line may carry. Secrets are never passed; content only where the operator asked for it. */
export type LogFields = Readonly<Record<string, string | number | boolean | null | undefined>>;

/** The only way to write a line for the operator. Injected; nothing else writes to standard error while the server runs. */
export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}
