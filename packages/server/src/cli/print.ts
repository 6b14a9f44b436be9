import type { CommandIo } from './command-io.ts';
import { fileProblem } from './file-problem.ts';

/** Standard output has not taken what a command printed: the disk is full, or the reader of a pipe has left. */
export class OutputFailed extends Error {
  /** As `head` leaves when it has enough: that needs no message. */
  readonly readerLeft: boolean;
  constructor(error: Error) {
    super(fileProblem(error, 'standard output'));
    this.readerLeft = 'code' in error && error.code === 'EPIPE';
    this.name = 'OutputFailed';
  }
}

/**
 * Writes to standard output, and resolves when the operating system has taken it. Rejects with an {@link OutputFailed}: a
 * command whose output is lost must not end with status 0.
 */
export function print({ stdout }: Pick<CommandIo, 'stdout'>, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    // The stream emits its error besides, which would end the process.
    const ignore = () => {};
    stdout.on('error', ignore);
    stdout.write(text, (error) => {
      if (error) {
        reject(new OutputFailed(error));
        return;
      }
      stdout.off('error', ignore);
      resolve();
    });
  });
}
