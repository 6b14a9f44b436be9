/** Why a file cannot be read or written, in words: `backup.jsonl: the disk is full`. `name`: the file as it was given. */
export function fileProblem(error: Error, name: string): string {
  const code = 'code' in error ? error.code : undefined;
  switch (code) {
    case 'ENOENT':
      return `${name}: there is no such file or folder`;
    case 'EISDIR':
      return `${name} is a folder, not a file`;
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return `${name}: no permission`;
    case 'ENOSPC':
    case 'EDQUOT':
      return `${name}: the disk is full`;
    case 'EPIPE':
      return `${name}: its reader left before everything was written`;
    default:
      return `${name}: ${error.message}`;
  }
}
