// @ts-check
'use strict';

const fs = require('fs');
const os = require('os');
const path = require('path');
const { errorCode, explainFileError, makeFolder, readObject, readText, tools } = require('./files.cjs');
const { say } = require('./messages.cjs');

const lockFile = path.join(tools, 'launch.lock');
const touchEveryMs = 2000;
/** A lock that was not touched for so long has lost its owner. */
const staleAfterMs = 20000;
/** How long its owner may take from making the file to writing into it. */
const emptyForMs = 2000;
const retryMs = 250;

/**
 * Does the work while this launcher holds the lock, and releases it afterwards. Of two launchers at once the second
 * waits, so that one of them installs. The owner touches the lock every two seconds: a launcher in another container or
 * on another machine, where a process id of here means nothing, recognises by that a lock whose owner was killed.
 * Throws an ExpectedFailure where the lock cannot be written, and whatever the work throws.
 * @template T
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
async function withInstallLock(work) {
  const mine = JSON.stringify({ pid: process.pid, host: os.hostname(), at: Date.now() });
  let waiting = false;
  while (!take(mine)) {
    if (lockIsStale()) {
      breakLock();
      continue;
    }
    if (!waiting) say('another launch is installing; waiting for it…');
    waiting = true;
    await new Promise((resolve) => setTimeout(resolve, retryMs));
  }
  const touching = setInterval(() => {
    const now = new Date();
    fs.utimes(lockFile, now, now, () => {});
  }, touchEveryMs);
  try {
    return await work();
  } finally {
    clearInterval(touching);
    if (readText(lockFile) === mine) fs.unlinkSync(lockFile);
  }
}

/**
 * Makes the lock file; false where another launcher has it.
 * @param {string} mine
 */
function take(mine) {
  try {
    makeFolder(tools);
    fs.writeFileSync(lockFile, mine, { flag: 'wx' });
    return true;
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false;
    throw explainFileError(error);
  }
}

function lockIsStale() {
  let ageMs;
  try {
    ageMs = Date.now() - fs.statSync(lockFile).mtimeMs;
  } catch (_) {
    return false;
  }
  if (ageMs > staleAfterMs) return true;
  const owner = /** @type {{ pid: number, host: string } | undefined} */ (readObject(lockFile));
  // Its owner has not written it yet, or the disk is full.
  if (owner === undefined) return ageMs > emptyForMs;
  if (owner.host !== os.hostname()) return false;
  try {
    process.kill(owner.pid, 0);
    return false;
  } catch (error) {
    return errorCode(error) === 'ESRCH';
  }
}

/** Removes a stale lock. It is renamed first: of several launchers that wait, one can do that. */
function breakLock() {
  const aside = `${lockFile}.${process.pid}`;
  try {
    fs.renameSync(lockFile, aside);
    fs.unlinkSync(aside);
  } catch (_) {
    // Another launcher has removed it.
  }
}

module.exports = { withInstallLock };
