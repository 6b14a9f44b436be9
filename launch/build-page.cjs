// @ts-check
'use strict';

const fs = require('fs');
const path = require('path');
const { canWrite, errorCode, readObject, readText, removeFolder, root, tools } = require('./files.cjs');
const { withInstallLock } = require('./install-lock.cjs');
const { say } = require('./messages.cjs');
const { newestSource } = require('./newest-source.cjs');
const { runBefore } = require('./start-command.cjs');

/**
 * What the server shows in a browser is built from sources, in some seconds; the server serves what lies in .tools/NAME.
 * @typedef {{
 *   name: string, what: string, build: string, sources: readonly string[], files: RegExp,
 * }} Built
 */

/** @type {readonly Built[]} */
const all = [
  {
    // The page at `/`.
    name: 'page',
    what: 'the page of the server',
    build: 'packages/playground/build-page.ts',
    sources: ['packages/playground', 'packages/protocol/src'],
    files: /(?<!\.test)\.(tsx?|css|svg|html|json)$/,
  },
  {
    // The pages at `/docs`, which have the look of the page.
    name: 'docs',
    what: 'the docs',
    build: 'packages/docs/build-docs.ts',
    sources: ['docs', 'packages/docs', 'packages/client/README.md', 'python/README.md'].concat(
      ['api', 'code-text', 'styles'].map((name) => `packages/playground/src/${name}`),
    ),
    files: /(?<!\.test)\.(ts|css|md|json|png)$/,
  },
];

/**
 * Builds what browsers are shown, where its sources or its libraries have changed since the last build; true where all of it is current.
 * Where something cannot be built a line says so, and the server runs without it.
 * @param {string} node
 */
async function buildPage(node) {
  let isBuilt = true;
  for (const built of all) isBuilt = (await buildOne(built, node)) && isBuilt;
  return isBuilt;
}

/** Whether a start finds all that is built, of these sources. */
function pageIsBuilt() {
  return all.every((built) => isCurrent(built, builtFrom(built)));
}

/**
 * @param {Built} built
 * @param {string} node
 */
async function buildOne(built, node) {
  if (isCurrent(built, builtFrom(built))) return true;
  // As in a read-only image.
  if (!canWrite(tools)) return false;
  return await withInstallLock(async () => {
    const folder = path.join(tools, built.name);
    // The lock lets one launcher at a time build, so this one name is enough.
    const staging = path.join(tools, `${built.name}.new`);
    // Taken before the build: a source that changes in the meantime is not the one that was built.
    const from = builtFrom(built);
    if (isCurrent(built, from)) return true;
    say(`building ${built.what} (once)…`);
    const code = await runBefore(node, [
      '--conditions=tailrace-source',
      path.join(root, built.build),
      staging,
    ]);
    try {
      if (code === 0) {
        removeFolder(folder);
        fs.renameSync(staging, folder);
        fs.writeFileSync(stampOf(built), JSON.stringify({ builtFrom: from }));
        return true;
      }
      removeFolder(staging);
    } catch (error) {
      // The disk is full, or the folder is another user's.
      if (errorCode(error) === undefined) throw error;
    }
    const again = `node --conditions=tailrace-source ${built.build} FOLDER`;
    say(`${built.what} could not be built, so the server runs without; '${again}' says why`);
    return false;
  });
}

/** @param {Built} built */
function stampOf(built) {
  return path.join(tools, `${built.name}.json`);
}

/**
 * @param {Built} built
 * @param {string} from
 */
function isCurrent(built, from) {
  const stamp = /** @type {{ builtFrom?: string }} */ (readObject(stampOf(built)) || {});
  return stamp.builtFrom === from && fs.existsSync(path.join(tools, built.name, 'files.json'));
}

/** @param {Built} built */
function builtFrom(built) {
  const lock = readText(path.join(root, 'package-lock.json')) || '';
  const sources = built.sources.map((name) => path.join(root, name));
  return JSON.stringify([newestSource(sources, built.files), lock.length]);
}

module.exports = { buildPage, pageIsBuilt };
