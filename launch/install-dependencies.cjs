// @ts-check
'use strict';

const crypto = require('crypto');
const fs = require('fs');
const path = require('path');
const { errorCode, explainFileError, modules, readObject, root } = require('./files.cjs');
const { withInstallLock } = require('./install-lock.cjs');
const { ExpectedFailure, say } = require('./messages.cjs');
const { runNpm } = require('./run-npm.cjs');

/**
 * `serve`: what the server needs; `all`: what its tests and checks need too.
 * @typedef {'serve' | 'all'} Kind
 */

/**
 * What package-lock.json says of one package, as far as it is used here.
 * @typedef {{
 *   version?: string, dev?: boolean, optional?: boolean, devOptional?: boolean, peer?: boolean,
 *   os?: readonly string[], cpu?: readonly string[], libc?: readonly string[],
 * }} LockEntry
 */

const lockFile = path.join(root, 'package-lock.json');
/** npm writes this file when it has installed. */
const treeFile = path.join(modules, '.package-lock.json');
const stampFile = path.join(modules, '.tailrace-install.json');
const platform = `${process.platform}-${process.arch}`;

/**
 * True where the last installation was for this lock file, this platform and this kind, and npm has changed nothing
 * since.
 * @param {Kind} kind
 */
function dependenciesAreInstalled(kind) {
  return areInstalled(lockHash(), kind);
}

/**
 * @param {string} lock the hash of the lock file
 * @param {Kind} kind
 */
function areInstalled(lock, kind) {
  const stamp = /** @type {{ lock?: string, kind?: Kind, tree?: number, platform?: string } | undefined} */ (
    readObject(stampFile)
  );
  return (
    stamp !== undefined &&
    stamp.lock === lock &&
    stamp.tree === treeStamp() &&
    stamp.platform === platform &&
    (stamp.kind === 'all' || stamp.kind === kind)
  );
}

/**
 * Installs what package-lock.json names, with npm under `node`, unless it is installed. Throws an ExpectedFailure where
 * npm cannot, or where the disk is full.
 * @param {string} node
 * @param {Kind} kind
 */
async function installDependencies(node, kind) {
  // Taken before npm runs: a lock file that changes in the meantime is not the one that was installed.
  const lock = lockHash();
  if (areInstalled(lock, kind)) return;
  await withInstallLock(async () => {
    if (areInstalled(lock, kind) || adopt(lock, kind)) return;
    say('installing dependencies (once)…');
    try {
      fs.unlinkSync(stampFile);
    } catch (error) {
      if (errorCode(error) !== 'ENOENT') throw explainFileError(error);
    }
    // `--include=dev` because NODE_ENV=production would leave them out.
    const which = kind === 'all' ? '--include=dev' : '--omit=dev';
    await runNpm(node, ['ci', which], root, 'the dependencies');
    const lost = leftOut(kind);
    if (lost.length > 0 || diskHasLessThan(1e6)) {
      if (diskHasLessThan(300e6)) {
        throw new ExpectedFailure(
          `the disk is full: ${lost.join(', ') || 'the dependencies'} could not be written to ${root}. Free some space and start again.`,
        );
      }
      say(`npm left out ${lost.join(', ')}: the registry does not have it. What needs it will say so.`);
    }
    writeStamp(lock, kind);
  });
}

/**
 * The optional packages for this platform that are not there. npm ignores every failure to install an optional
 * package, a full disk included; Tailrace needs those that are made for one platform.
 * @param {Kind} kind
 */
function leftOut(kind) {
  const packages = packagesOf(lockFile) || {};
  /** @type {(list: readonly string[] | undefined, own: string) => boolean} */
  const fits = (list, own) => list === undefined || list.indexOf(own) >= 0;
  const lost = Object.entries(packages).filter(([name, wanted]) => {
    if (!wanted.optional || wanted.os === undefined || (wanted.dev && kind !== 'all')) return false;
    const ours = fits(wanted.os, process.platform) && fits(wanted.cpu, process.arch);
    return ours && fits(wanted.libc, 'glibc') && !fs.existsSync(path.join(root, name, 'package.json'));
  });
  return lost.map(([name]) => name);
}

/** @param {number} bytes */
function diskHasLessThan(bytes) {
  if (!fs.statfsSync) return false;
  const disk = fs.statfsSync(root);
  return disk.bavail * disk.bsize < bytes;
}

/**
 * Takes a developer's own `npm install` as it is where it fits the lock file: `npm ci` would throw it away. True where
 * it was taken.
 * @param {string} lock the hash of the lock file
 * @param {Kind} kind
 */
function adopt(lock, kind) {
  const locked = packagesOf(lockFile);
  const installed = packagesOf(treeFile);
  if (locked === undefined || installed === undefined) return false;
  /** @param {boolean} withDev */
  const fits = (withDev) =>
    Object.entries(locked).every(([name, wanted]) => {
      const found = installed[name];
      if (name === '' || (wanted.dev && !withDev)) return true;
      if (found === undefined) return Boolean(wanted.optional || wanted.devOptional || wanted.peer);
      return found.version === wanted.version && fs.existsSync(path.join(root, name));
    });
  const fitting = fits(true) ? 'all' : kind === 'serve' && fits(false) ? 'serve' : undefined;
  if (fitting === undefined) return false;
  writeStamp(lock, fitting);
  return true;
}

/**
 * @param {string} lock the hash of the lock file
 * @param {Kind} kind
 */
function writeStamp(lock, kind) {
  const stamp = { lock: lock, kind: kind, tree: treeStamp(), platform: platform };
  try {
    fs.writeFileSync(stampFile, `${JSON.stringify(stamp)}\n`);
  } catch (error) {
    throw explainFileError(error);
  }
}

function lockHash() {
  return crypto.createHash('sha256').update(fs.readFileSync(lockFile)).digest('hex');
}

/** Changes when a developer runs npm in this folder. */
function treeStamp() {
  try {
    return fs.statSync(treeFile).mtimeMs;
  } catch (_) {
    return undefined;
  }
}

/**
 * The packages that a lock file names; undefined where it cannot be read.
 * @param {string} file
 */
function packagesOf(file) {
  const found = /** @type {{ packages?: Readonly<Record<string, LockEntry>> } | undefined} */ (
    readObject(file)
  );
  return found === undefined ? undefined : found.packages;
}

module.exports = { dependenciesAreInstalled, installDependencies };
