import { isFile, maxTextBytes, type ReadText, readTextFile } from './read-text-file.ts';

/** The files that a configuration is read from. */
export interface ConfigFiles {
  /** `reload`: a running server reads its configuration again, so it must not wait for a pipe. */
  read(path: string, reload: boolean): Promise<ReadText>;
  /** A regular file of up to 16 MiB. `reload`: a program may be writing it now. */
  readLarge(path: string, reload: boolean): Promise<ReadText>;
  /** True for a regular file, and for a link to one. */
  isFile(path: string): Promise<boolean>;
}

/** LiteLLM's catalogue of prices has 3.5 MB. */
const maxLargeTextBytes = 16 * 1024 ** 2;

export const diskFiles: ConfigFiles = {
  async read(path, reload) {
    const read = await readTextFile(path, { maxBytes: maxTextBytes, pipes: !reload, settled: reload });
    if (read.ok || read.reason !== 'irregular') return read;
    return {
      ...read,
      message:
        'it is a pipe or a device, which can be read only once, at the start; restart the server instead',
    };
  },
  readLarge: (path, reload) => readTextFile(path, { maxBytes: maxLargeTextBytes, settled: reload }),
  isFile,
};
