import { closeSync, fstatSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { errorCode } from '../../domain/error-code.ts';
import { readSegment } from './segment.ts';

/** A segment with entries that wait for the store. */
export interface WaitingSegment {
  /** The same one when another process takes the segment over. */
  readonly identity: string;
  /** The place after the last of them. */
  readonly end: number;
  /** The place of the first. */
  readonly from: number;
  /** Their number. */
  readonly waiting: number;
}

/**
 * What waits in the spools of a folder, of living and dead processes; nothing where there is no such folder. It locks nothing and
 * changes nothing: a living process may write and remove its segments meanwhile.
 */
export function findWaiting(folder: string): readonly WaitingSegment[] {
  return segmentsIn(folder).flatMap((path) => {
    const segment = look(path);
    return segment === undefined || segment.waiting === 0 ? [] : [segment];
  });
}

function segmentsIn(folder: string): readonly string[] {
  try {
    const names = readdirSync(folder, { recursive: true, encoding: 'utf8' });
    return names.filter((name) => name.endsWith('.log')).map((name) => join(folder, name));
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return [];
    throw error;
  }
}

/** Undefined where it was removed, or taken over under another name, since the folder was read. */
function look(path: string): WaitingSegment | undefined {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
  try {
    const { whole, waitsFrom, waiting } = readSegment(readFileSync(file));
    // A number that is free again is given to another file.
    const { ino, birthtimeMs } = fstatSync(file);
    return { identity: `${ino} ${birthtimeMs}`, end: whole, from: waitsFrom, waiting };
  } finally {
    closeSync(file);
  }
}
