import { isFile, maxTextBytes, type ReadText, readTextFile } from './read-text-file.ts';

/** What reading the configuration asks of the disk. */
export interface ConfigFiles {
  /** `reload`: the server runs, and its configuration is read again. */
  read(path: string, reload: boolean): Promise<ReadText>;
  /** True for a file that is there (a link to one too). */
  isFile(path: string): Promise<boolean>;
}

export const diskFiles: ConfigFiles = {
  async read(path, reload) {
    const read = await readTextFile(path, { maxBytes: maxTextBytes, pipes: !reload, settled: reload });
    if (read.ok || read.reason !== 'irregular') return read;
    return {
      ...read,
      message: 'it is no file but a pipe or a device, and was read once at the start; restart instead',
    };
  },
  isFile,
};
