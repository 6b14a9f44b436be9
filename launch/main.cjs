// @ts-check
'use strict';

/*
 * What `npm start`, `npm test` and `npm run check` run first, on whatever Node the machine has.
 *
 *     old Node ──► is the port free? (only for `serve`, where something has to be brought or installed)
 *              ──► bring Node 24 (a package of the npm registry carries the binary; once, into .tools/)
 *              ──► npm ci, under the new Node (once, and again when package-lock.json changes)
 *              ──► build the page (only for `serve`, where one of its sources is new)
 *              ──► fill the cache of compiled code (only for `serve`, where a source is new)
 *              ──► node --conditions=tailrace-source packages/server/src/cli/main.ts …
 *
 * Every .cjs file in this folder must parse and run on Node 12: no optional chaining, no `??`, no `node:` imports, no
 * packages. The launcher writes only to standard error; standard output belongs to the command that it starts.
 */

const path = require('path');
const { bringNode, isBrought, nodeToBring } = require('./bring-node.cjs');
const { buildPage, pageIsBuilt } = require('./build-page.cjs');
const { checkPort } = require('./check-port.cjs');
const { compileSources, nameCompileCache } = require('./compile-sources.cjs');
const { root } = require('./files.cjs');
const { dependenciesAreInstalled, installDependencies } = require('./install-dependencies.cjs');
const { findListenAddress } = require('./listen-address.cjs');
const { ExpectedFailure, say } = require('./messages.cjs');
const { startCommand } = require('./start-command.cjs');

/** @type {ReadonlyMap<string | undefined, string>} */
const devCommands = new Map([
  ['test', 'tools/test.ts'],
  ['check', 'tools/check.ts'],
  ['soak', 'tools/soak.ts'],
  ['lock', 'tools/complete-lock.ts'],
  ['pack', 'tools/pack.ts'],
  ['format', 'tools/format.ts'],
  ['docs', 'tools/write-docs.ts'],
  ['bench', 'bench/relay/main.ts'],
]);

/**
 * The young generation of the heap stays small: packages/server/src/cli/process-settings.ts says why, and knows the first flag. Given
 * when the process starts, they hold for the compiled code of all files and threads.
 */
const heapFlags = ['--max-semi-space-size=1', '--no-parallel-scavenge'];

/**
 * The C library of most Linux systems reads this when a process starts: blocks of memory from this size on, in bytes, are given back
 * when they are freed. The compiler of JavaScript takes and frees blocks of 32 KiB on several threads; without this the server keeps
 * 25 MB of them for ever.
 */
const givenBackFrom = '32768';

main().catch((/** @type {unknown} */ error) => {
  if (error instanceof ExpectedFailure) say(error.message);
  else say((error instanceof Error && error.stack) || String(error));
  process.exit(1);
});

async function main() {
  const args = process.argv.slice(2);
  const script = devScript(args);
  const kind = script === undefined ? 'serve' : 'all';
  const wanted = nodeToBring();
  const node = wanted === undefined ? process.execPath : wanted.binary;
  const serves = args[0] === 'serve';
  // The usual start finds everything, and costs a few reads of small files.
  const isInstalled = isBrought(wanted) && dependenciesAreInstalled(kind);
  if (serves && !(isInstalled && pageIsBuilt())) {
    await checkPort(findListenAddress(args.slice(1), process.env, process.cwd()));
  }
  if (!isInstalled) {
    if (wanted !== undefined) await bringNode(wanted);
    await installDependencies(node, kind);
  }
  const file = path.join(root, script === undefined ? 'packages/server/src/cli/main.ts' : script);
  const rest = script === undefined ? args : args.slice(1);
  const flags = ['--conditions=tailrace-source'].concat(kind === 'serve' ? heapFlags : []);
  if (kind === 'serve') {
    nameCompileCache();
    if (process.env.MALLOC_MMAP_THRESHOLD_ === undefined) process.env.MALLOC_MMAP_THRESHOLD_ = givenBackFrom;
  }
  if (serves) {
    await buildPage(node);
    await compileSources(node, flags, file);
  }
  startCommand(node, flags.concat(file, rest));
}

/**
 * The script of a developer's command, relative to the root; undefined for the server's commands. `check` alone judges
 * this repository; with anything behind it, it is the command of the server that judges an endpoint.
 * @param {readonly string[]} args
 */
function devScript(args) {
  if (args[0] === 'check' && args.length > 1) return undefined;
  return devCommands.get(args[0]);
}
