import path from 'node:path';
import { type Browser, chromium } from 'playwright-core';
import { environmentOf, findPrograms } from '../../tools/services/programs.ts';

/** The Chromium that `npm test` has brought, or another one that is named here. */
const own = process.env['TAILRACE_TEST_CHROMIUM'] || undefined;
const programs = findPrograms('Chromium');

/** Why a test cannot have a browser; undefined where it can. A suite that needs one is skipped with this reason in its name. */
export const withoutBrowser =
  own === undefined && programs === undefined ? 'no Chromium; npm test brings it' : undefined;

/** Starts Chromium without windows; the caller closes it. */
export async function startBrowser(): Promise<Browser> {
  if (own !== undefined) return await chromium.launch({ executablePath: own, args });
  if (programs === undefined) throw new Error(withoutBrowser);
  const environment = Object.entries(environmentOf(programs)).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, value] as const],
  );
  return await chromium.launch({
    executablePath: path.join(programs.bin, 'chromium-headless-shell'),
    env: Object.fromEntries(environment),
    args,
  });
}

/** A name under which this machine is another one for the browser, whose pages lack what browsers keep for secure contexts. */
export const otherMachine = 'lan.test';

const args = [
  // Chromium's own sandbox does not start as root, nor in most containers. It loads only the page of the test.
  '--no-sandbox',
  // There is none: drawing in software goes without the process for it.
  '--disable-gpu',
  `--host-resolver-rules=MAP ${otherMachine} 127.0.0.1`,
];
