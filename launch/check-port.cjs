// @ts-check
'use strict';

const dns = require('dns');
const net = require('net');
const { errorCode } = require('./files.cjs');
const { ExpectedFailure } = require('./messages.cjs');

const tries = 3;
const retryMs = 100;

/**
 * Throws an ExpectedFailure, in the server's words, where another process listens on the address: what has to be
 * fetched first takes half a minute, and the server would refuse only then. Does nothing where the address is not
 * known, or its port is 0. Every other problem is left to the server.
 * @param {import('./listen-address.cjs').ListenAddress | undefined} address
 */
async function checkPort(address) {
  if (address === undefined || address.port === 0) return;
  const { host, port } = address;
  const addresses = await addressesOf(host);
  if (addresses.length === 0) return;
  for (const one of addresses) if (!(await isTaken(one, port))) return;
  throw new ExpectedFailure(
    `port ${port} on ${host} is in use; stop what listens there, or choose another with --listen ${host}:PORT`,
  );
}

/**
 * Every address of the host, for a name that cannot be resolved none. Which one of several the server will bind depends
 * on its Node, so a port counts as taken only where it is taken on each of them.
 * @param {string} host
 * @returns {Promise<readonly string[]>}
 */
function addressesOf(host) {
  if (net.isIP(host) !== 0) return Promise.resolve([host]);
  return new Promise((resolve) => {
    dns.lookup(host, { all: true }, (error, found) => {
      resolve(error ? [] : found.map(({ address }) => address));
    });
  });
}

/**
 * True where the port cannot be bound because it is in use. It is tried more than once: another launcher that checks the
 * same port holds it for a moment.
 * @param {string} address
 * @param {number} port
 */
async function isTaken(address, port) {
  for (let left = tries; left > 0; left -= 1) {
    if ((await tryToListen(address, port)) !== 'EADDRINUSE') return false;
    if (left > 1) await new Promise((resolve) => setTimeout(resolve, retryMs));
  }
  return true;
}

/**
 * Binds as the server will, and closes at once. The code of the system's error; undefined where there was none.
 * @param {string} address
 * @param {number} port
 * @returns {Promise<string | undefined>}
 */
function tryToListen(address, port) {
  return new Promise((resolve) => {
    const server = net.createServer();
    server.on('error', (error) => resolve(errorCode(error)));
    server.listen({ host: address, port: port }, () => server.close(() => resolve(undefined)));
  });
}

module.exports = { checkPort };
