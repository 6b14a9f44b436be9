import { readFileSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** The user as which a program runs that refuses to run as root. */
export interface ServiceUser {
  readonly uid: number;
  readonly gid: number;
}

/** PostgreSQL's own user where the system has it, else `nobody`; undefined where this process is not root. */
export function serviceUser(): ServiceUser | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const users = readFileSync('/etc/passwd', 'utf8');
  const found = userIn(users, 'postgres') ?? userIn(users, 'nobody');
  if (found === undefined)
    throw new Error('/etc/passwd has neither postgres nor nobody to start PostgreSQL as');
  return found;
}

/** The user of that name in the text of a passwd(5) file. */
export function userIn(text: string, name: string): ServiceUser | undefined {
  const fields = text
    .split('\n')
    .find((line) => line.startsWith(`${name}:`))
    ?.split(':');
  return fields === undefined ? undefined : { uid: Number(fields[2]), gid: Number(fields[3]) };
}

/** True where every user may enter a folder and those above it. A checkout in /root is closed to all but root. */
export function isOpenToAll(folder: string): boolean {
  const parent = path.dirname(folder);
  return (statSync(folder).mode & 0o001) !== 0 && (parent === folder || isOpenToAll(parent));
}

/** The folder for temporary folders, which every user may enter. */
export function sharedTemporaryFolder(): string {
  return isOpenToAll(tmpdir()) ? tmpdir() : '/tmp';
}
