// @ts-check
'use strict';

const fs = require('fs');
const path = require('path');
const { ExpectedFailure } = require('./messages.cjs');

const root = path.join(__dirname, '..');
/** What the launcher brings and notes, apart from node_modules. */
const tools = path.join(root, '.tools');
const modules = path.join(root, 'node_modules');

/**
 * What to throw in the place of a file system's error: an ExpectedFailure for a full disk or a missing right, else the
 * error itself.
 * @param {unknown} error
 * @returns {unknown}
 */
function explainFileError(error) {
  const code = errorCode(error);
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return new ExpectedFailure(
      `the disk is full: nothing more can be written to ${errorPath(error)}. Free some space and start again.`,
    );
  if (code === 'EACCES' || code === 'EROFS' || code === 'EPERM') {
    return new ExpectedFailure(
      `cannot write to ${errorPath(error)} (${code}). Start from a folder of your own.`,
    );
  }
  return error;
}

/**
 * The code of a system's error (`ENOENT`); undefined for anything else.
 * @param {unknown} error
 */
function errorCode(error) {
  return error instanceof Error ? /** @type {NodeJS.ErrnoException} */ (error).code : undefined;
}

/** @param {unknown} error */
function errorPath(error) {
  return /** @type {NodeJS.ErrnoException} */ (error).path || root;
}

/**
 * Makes a folder and its parents where they are missing.
 * @param {string} folder
 */
function makeFolder(folder) {
  fs.mkdirSync(folder, { recursive: true });
}

/**
 * Whether files can be written into a folder, which is made where it is missing.
 * @param {string} folder
 */
function canWrite(folder) {
  try {
    makeFolder(folder);
    fs.accessSync(folder, fs.constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * Removes a folder with all that is in it; a folder that is not there is no failure.
 * @param {string} folder
 */
function removeFolder(folder) {
  if (!fs.existsSync(folder)) return;
  // rmSync came with Node 14.14.
  if (fs.rmSync) fs.rmSync(folder, { recursive: true, force: true });
  else fs.rmdirSync(folder, { recursive: true });
}

/**
 * The text of a file; undefined where it cannot be read.
 * @param {string} file
 */
function readText(file) {
  try {
    return fs.readFileSync(file, 'utf8');
  } catch (_) {
    return undefined;
  }
}

/**
 * The JSON object in a file; undefined where the file cannot be read, or holds none.
 * @param {string} file
 * @returns {object | undefined}
 */
function readObject(file) {
  const text = readText(file);
  if (text === undefined) return undefined;
  try {
    /** @type {unknown} */
    const value = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch (_) {
    return undefined;
  }
}

module.exports = {
  canWrite,
  errorCode,
  explainFileError,
  makeFolder,
  modules,
  readObject,
  readText,
  removeFolder,
  root,
  tools,
};
