// @ts-check
'use strict';

const fs = require('fs');
const path = require('path');

/**
 * The latest change of any of these files, and of those in these folders whose name fits, in milliseconds since 1970, and the number of these files.
 * @param {readonly string[]} places
 * @param {RegExp} names
 * @returns {readonly [newest: number, count: number]}
 */
function newestSource(places, names) {
  let newest = 0;
  let count = 0;
  /** @param {string} file */
  const note = (file) => {
    count += 1;
    newest = Math.max(newest, fs.statSync(file).mtimeMs);
  };
  const all = places.slice();
  // The loop appends the folders that it finds.
  for (const inside of all) {
    if (names.test(inside)) {
      note(inside);
      continue;
    }
    for (const entry of fs.readdirSync(inside, { withFileTypes: true })) {
      const file = path.join(inside, entry.name);
      if (entry.isDirectory()) all.push(file);
      // A link may lead nowhere: editors lock a file by such a link beside it.
      else if (entry.isFile() && names.test(entry.name)) note(file);
    }
  }
  return [newest, count];
}

module.exports = { newestSource };
