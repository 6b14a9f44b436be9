// @ts-check
'use strict';

/** A failure that the machine or its user can cause: its message is printed without a stack. */
class ExpectedFailure extends Error {}

/**
 * Writes one line to standard error.
 * @param {string} message
 */
function say(message) {
  process.stderr.write(`tailrace: ${message}\n`);
}

module.exports = { ExpectedFailure, say };
