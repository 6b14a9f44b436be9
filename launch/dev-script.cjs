// @ts-check
'use strict';

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
 * The script of a developer's command, relative to the root; undefined for the server's commands. `check` alone judges
 * this repository, for some minutes. With anything behind it (a URL, also one without `http://`, or `--help`) it is the
 * command of the server that judges another endpoint.
 * @param {readonly string[]} args
 */
function devScript(args) {
  if (args[0] === 'check' && args.length > 1) return undefined;
  return devCommands.get(args[0]);
}

module.exports = { devScript };
