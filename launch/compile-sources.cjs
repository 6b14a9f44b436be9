// @ts-check
'use strict';

const childProcess = require('child_process');
const fs = require('fs');
const path = require('path');
const { errorCode, readObject, root, tools } = require('./files.cjs');

/*
 * Node strips the types of the sources with a library that it keeps until the process ends: 28 MB. What it makes of a file goes
 * into a cache, and a process that finds every file there never loads that library. So, where a source is new, a short process
 * fills the cache before the server starts.
 */

const folder = path.join(tools, 'compiled');
const stampFile = path.join(tools, 'compiled.json');
const sources = ['server', 'protocol'].map((name) => path.join(root, 'packages', name, 'src'));

/** Names the folder of the cache to Node, for this process's children. */
function keepCompiledCode() {
  if (process.env.NODE_COMPILE_CACHE === undefined) process.env.NODE_COMPILE_CACHE = folder;
}

/**
 * Fills the cache unless it holds the sources as they are. A failure is no problem here: the server fills the cache too, or says
 * what is wrong.
 * @param {string} node
 * @param {readonly string[]} serve the arguments of `node` that start the server
 */
function compileSources(node, serve) {
  if (process.env.NODE_COMPILE_CACHE !== folder || !canWrite(tools)) return;
  const stamp = JSON.stringify([node, serve, newestSource()]);
  try {
    const { of } = /** @type {{ of?: string }} */ (readObject(stampFile) || {});
    if (of === stamp) return;
    // The text of its help needs every file that the server needs.
    const { status } = childProcess.spawnSync(node, serve.concat('--help'), { stdio: 'ignore' });
    if (status === 0) fs.writeFileSync(stampFile, JSON.stringify({ of: stamp }));
  } catch (error) {
    if (errorCode(error) === undefined) throw error;
  }
}

/** False too in an image whose file system is read-only: there no cache would be kept. */
function canWrite(/** @type {string} */ where) {
  try {
    fs.accessSync(where, fs.constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** The latest change of any source, in milliseconds since 1970, and the number of sources. */
function newestSource() {
  let newest = 0;
  let count = 0;
  const folders = sources.slice();
  // It grows while it is read.
  for (const inside of folders) {
    for (const entry of fs.readdirSync(inside, { withFileTypes: true })) {
      const file = path.join(inside, entry.name);
      if (entry.isDirectory()) folders.push(file);
      else if (/(?<!\.test|\.suite)\.ts$/.test(entry.name)) {
        count += 1;
        newest = Math.max(newest, fs.statSync(file).mtimeMs);
      }
    }
  }
  return [newest, count];
}

module.exports = { compileSources, keepCompiledCode };
