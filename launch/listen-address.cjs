// @ts-check
'use strict';

const fs = require('fs');
const net = require('net');
const path = require('path');
const { errorCode, readText } = require('./files.cjs');

/**
 * A host (an IP address, or a name) and a port; port 0 lets the system choose one.
 * @typedef {{ readonly host: string, readonly port: number }} ListenAddress
 */

const defaultAddress = '127.0.0.1:7245';
const maxFileBytes = 1024 * 1024;

/*
 * The flags, variables and defaults of packages/server/src/cli/serve-flags.ts and config/, as far as they decide where
 * the server listens. The server itself cannot be asked: its dependencies may not be installed yet. A test compares the
 * two.
 */
const flagsWithValue = ['--config', '--listen', '--model', '--data-dir', '--workers'];

/**
 * Where `tailrace serve WORDS` will listen; undefined where that is not certain without the server's own reader of
 * flags and files, or where the server will refuse to start.
 * @param {readonly string[]} words
 * @param {NodeJS.ProcessEnv} env
 * @param {string} cwd
 * @returns {ListenAddress | undefined}
 */
function findListenAddress(words, env, cwd) {
  const flags = readFlags(words);
  if (flags === undefined) return undefined;
  const given = flags.get('--listen') || env.TAILRACE_LISTEN;
  if (given) return parseAddress(given);
  const asked = flags.get('--config') || env.TAILRACE_CONFIG;
  const file = path.resolve(cwd, asked || 'tailrace.yaml');
  return fileSaysNothing(file, Boolean(asked)) ? parseAddress(defaultAddress) : undefined;
}

/**
 * The values of the flags, the last of each; undefined where the server will refuse the words, or only show its help.
 * @param {readonly string[]} words
 */
function readFlags(words) {
  /** @type {Map<string, string>} */
  const values = new Map();
  const rest = words.slice();
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (word === '--no-engine') continue;
    const sign = word.indexOf('=');
    const name = sign === -1 ? word : word.slice(0, sign);
    if (flagsWithValue.indexOf(name) === -1) return undefined;
    const value = sign === -1 ? rest.shift() || '' : word.slice(sign + 1);
    if (value === '' || (sign === -1 && value.startsWith('--'))) return undefined;
    values.set(name, value);
  }
  return values;
}

/**
 * True where the configuration file certainly does not set `server.listen`: it is not there and need not be, or the
 * word is nowhere in it. With a backslash a key of YAML can be written in other letters.
 * @param {string} file
 * @param {boolean} needed
 */
function fileSaysNothing(file, needed) {
  try {
    const stats = fs.statSync(file);
    // The bytes of a pipe are the server's: they can be read once.
    if (!stats.isFile() || stats.size > maxFileBytes) return false;
  } catch (error) {
    return !needed && errorCode(error) === 'ENOENT';
  }
  const text = readText(file);
  return text !== undefined && !/listen|\\/.test(text);
}

/**
 * Reads `127.0.0.1:7245`, `localhost:7245` or `[::1]:7245`; undefined for anything else.
 * @param {string} text
 * @returns {ListenAddress | undefined}
 */
function parseAddress(text) {
  const match = /^(?:\[([^\]]*)\]|([^:[\]]+)):(\d{1,5})$/.exec(text);
  if (match === null) return undefined;
  const [, bracketed, plain = '', digits] = match;
  const port = Number(digits);
  if (port > 65535) return undefined;
  if (bracketed !== undefined) return net.isIPv6(bracketed) ? { host: bracketed, port } : undefined;
  return net.isIPv4(plain) || isHostName(plain) ? { host: plain, port } : undefined;
}

/**
 * True for a name of plain labels. `127.1` and `0` are addresses to the system's resolver, not names: the last label
 * begins with a letter.
 * @param {string} text
 */
function isHostName(text) {
  return /^(?:[a-z0-9-]{1,63}\.)*[a-z][a-z0-9-]{0,62}$/i.test(text);
}

module.exports = { findListenAddress };
