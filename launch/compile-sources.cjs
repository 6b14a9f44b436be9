// @ts-check
'use strict';

const fs = require('fs');
const path = require('path');
const { pathToFileURL } = require('url');
const { canWrite, errorCode, readObject, root, tools } = require('./files.cjs');
const { newestSource } = require('./newest-source.cjs');
const { runBefore } = require('./start-command.cjs');

/*
 * Node strips the types of the sources with a library that it keeps until the process ends: 28 MB. What it makes of a file goes
 * into a cache, and a process that finds every file there never loads that library. So, where a source is new, a short process
 * fills the cache before the server starts.
 */

const folder = path.join(tools, 'compiled');
const stampFile = path.join(tools, 'compiled.json');
/**
 * What the server's processes load later than its help: the files of one process and of workers with their parent, the engine's,
 * those of each kind of upstream, and those of threads.
 */
const loadedLater = [
  'service/this-process.ts',
  'service/parent/worker-processes.ts',
  'cli/worker-main.ts',
  'service/start-engine.ts',
  'upstreams/openai/openai.ts',
  'upstreams/anthropic/anthropic.ts',
  'upstreams/gemini/gemini.ts',
  'upstreams/scripted/scripted.ts',
  'service/config-worker.ts',
  'ledger/ledger-worker.ts',
  'storage/sqlite/built-queries.ts',
  'storage/sqlite/checkpoint-worker.ts',
  'storage/sqlite/report-worker.ts',
  'json-schema/validation-worker.ts',
  'grammar/compile/compile-worker.ts',
].map((file) => `packages/server/src/${file}`);
const sources = ['server', 'protocol'].map((name) => path.join(root, 'packages', name, 'src'));

/** Names the folder of the cache to Node, for this process's children. */
function nameCompileCache() {
  if (process.env.NODE_COMPILE_CACHE === undefined) process.env.NODE_COMPILE_CACHE = folder;
}

/**
 * Fills the cache where a source has changed since the last fill. A failure is ignored: the server fills the cache too, or says
 * what is wrong.
 * @param {string} node
 * @param {readonly string[]} flags the flags of `node`: it keeps a cache for each set of them
 * @param {string} main the server's first file
 */
async function compileSources(node, flags, main) {
  if (process.env.NODE_COMPILE_CACHE !== folder || process.env.NODE_DISABLE_COMPILE_CACHE !== undefined)
    return;
  const isFilled = fs.existsSync(folder);
  // As in a read-only image: there each start would fill a cache that is not kept.
  if (!canWrite(tools) || !canWrite(folder)) return;
  const compiledFrom = JSON.stringify([
    node,
    process.version,
    flags,
    newestSource(sources, /(?<!\.test|\.suite)\.ts$/),
  ]);
  const stamp = /** @type {{ compiledFrom?: string }} */ (readObject(stampFile) || {});
  if (isFilled && stamp.compiledFrom === compiledFrom) return;
  // The help loads every other file of the server's process.
  const later = loadedLater.map((file) => `--import=${pathToFileURL(path.join(root, file)).href}`);
  const code = await runBefore(node, flags.concat(later, main, 'serve', '--help'));
  if (code === 0) writeStamp(compiledFrom);
}

/** @param {string} compiledFrom */
function writeStamp(compiledFrom) {
  try {
    fs.writeFileSync(stampFile, JSON.stringify({ compiledFrom: compiledFrom }));
  } catch (error) {
    // The disk is full: the next start compiles again.
    if (errorCode(error) === undefined) throw error;
  }
}

module.exports = { compileSources, loadedLater, nameCompileCache };
