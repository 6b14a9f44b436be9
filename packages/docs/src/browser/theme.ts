/*
 * Loaded before anything is drawn: a page in the chosen scheme must not flash in the other one. It is small, and a script of its own,
 * because the policy of the pages allows no code inside of them.
 */
import { applyScheme, keptScheme } from './scheme.ts';

applyScheme(keptScheme());
