import { isFile, maxTextBytes, type ReadText, readTextFile } from './read-text-file.ts';

/** The files that a configuration is read from. */
export interface ConfigFiles {
  /** `reload`: a running server reads its configuration again, so it must not wait for a pipe. */
  read(path: string, reload: boolean): Promise<ReadText>;
  /** True for a regular file, and for a link to one. */
  isFile(path: string): Promise<boolean>;
}

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
  isFile,
};
