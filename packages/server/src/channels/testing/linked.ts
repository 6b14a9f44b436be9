import { duplexPair } from 'node:stream';
import { createLink, type Link } from '../link.ts';

/** The two ends of a link within the test's process. */
export function linkedPair(): readonly [Link, Link] {
  const [one, other] = duplexPair();
  return [createLink(one), createLink(other)];
}
