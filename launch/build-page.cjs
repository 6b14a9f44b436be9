// @ts-check
'use strict';

const fs = require('fs');
const path = require('path');
const { canWrite, errorCode, readObject, readText, removeFolder, root, tools } = require('./files.cjs');
const { withInstallLock } = require('./install-lock.cjs');
const { say } = require('./messages.cjs');
const { newestSource } = require('./newest-source.cjs');
const { runBefore } = require('./start-command.cjs');

/*
 * The page that the server shows at `/` is made of packages/playground by a build of two seconds. The server serves what lies in
 * .tools/page.
 */

const folder = path.join(tools, 'page');
/** The lock lets one launcher at a time build, so this one name is enough. */
const staging = path.join(tools, 'page.new');
const stampFile = path.join(tools, 'page.json');
const build = path.join(root, 'packages/playground/build-page.ts');
const sources = ['packages/playground', 'packages/protocol/src'].map((name) => path.join(root, name));

/**
 * Builds the page where its sources or its libraries have changed since the last build; true where it is current. Where it cannot be
 * built a line says so, and the server runs without it.
 * @param {string} node
 */
async function buildPage(node) {
  if (pageIsBuilt()) return true;
  // As in a read-only image.
  if (!canWrite(tools)) return false;
  return await withInstallLock(async () => {
    // Taken before the build: a source that changes in the meantime is not the one that was built.
    const from = builtFrom();
    if (isCurrent(from)) return true;
    say('building the page of the server (once)…');
    const code = await runBefore(node, ['--conditions=tailrace-source', build, staging]);
    try {
      if (code === 0) {
        removeFolder(folder);
        fs.renameSync(staging, folder);
        fs.writeFileSync(stampFile, JSON.stringify({ builtFrom: from }));
        return true;
      }
      removeFolder(staging);
    } catch (error) {
      // The disk is full, or the folder is another user's.
      if (errorCode(error) === undefined) throw error;
    }
    const again = `node --conditions=tailrace-source packages/playground/build-page.ts FOLDER`;
    say(`the page could not be built, so the server runs without it; '${again}' says why`);
    return false;
  });
}

/** Whether a start finds the page of these sources. */
function pageIsBuilt() {
  return isCurrent(builtFrom());
}

/** @param {string} from */
function isCurrent(from) {
  const stamp = /** @type {{ builtFrom?: string }} */ (readObject(stampFile) || {});
  return stamp.builtFrom === from && fs.existsSync(path.join(folder, 'files.json'));
}

function builtFrom() {
  const lock = readText(path.join(root, 'package-lock.json')) || '';
  return JSON.stringify([newestSource(sources, /(?<!\.test)\.(tsx?|css|svg|html|json)$/), lock.length]);
}

module.exports = { buildPage, pageIsBuilt };
