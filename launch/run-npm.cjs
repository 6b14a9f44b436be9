// @ts-check
'use strict';

const childProcess = require('child_process');
const fs = require('fs');
const path = require('path');
const { errorCode, makeFolder, readObject, tools } = require('./files.cjs');
const { ExpectedFailure } = require('./messages.cjs');

/**
 * How npm ended.
 * @typedef {{ code: number | null, signal: NodeJS.Signals | null, error: Error | undefined, output: string }} NpmResult
 */

const outputFile = path.join(tools, 'last-npm-output.log');
const maxOutputLength = 200000;

// npm waits minutes for a registry that does not answer; what is in its cache needs none.
const quiet = [
  '--no-audit',
  '--no-fund',
  '--no-update-notifier',
  '--loglevel=error',
  '--prefer-offline',
  '--fetch-retries=2',
  '--fetch-retry-mintimeout=1000',
  '--fetch-retry-maxtimeout=4000',
];

/**
 * Runs npm under `node`, and shows none of its output. Throws an ExpectedFailure where npm fails; its output then lies in
 * .tools/last-npm-output.log, and the message shows the end of it only where the cause is not known.
 * @param {string} node
 * @param {readonly string[]} args
 * @param {string} cwd
 * @param {string} what names in messages what npm shall fetch
 */
async function runNpm(node, args, cwd, what) {
  const cli = findNpm();
  const env = Object.assign({}, process.env, {
    PATH: path.dirname(node) + path.delimiter + (process.env.PATH || ''),
  });
  const all = args.concat(quiet);
  const result = await run(cli === undefined ? 'npm' : node, cli === undefined ? all : [cli].concat(all), {
    cwd: cwd,
    env: env,
    stdio: ['ignore', 'pipe', 'pipe'],
    shell: cli === undefined && process.platform === 'win32',
  });
  if (result.code === 0) return;
  if (result.signal !== null && result.error === undefined)
    throw new ExpectedFailure(`fetching ${what} was ended by ${result.signal}.`);
  try {
    makeFolder(tools);
    fs.writeFileSync(outputFile, result.output);
  } catch (_) {
    // The same disk or the same rights have made npm fail: the message below says it.
  }
  throw new ExpectedFailure(explainNpm(result, what, cwd, cli));
}

/**
 * One line that says why npm failed, and where its output lies; for an unknown cause the end of that output too.
 * @param {NpmResult} result
 * @param {string} what
 * @param {string} cwd
 * @param {string | undefined} cli
 */
function explainNpm(result, what, cwd, cli) {
  const text = result.output + (result.error ? String(result.error) : '');
  const more = fs.existsSync(outputFile)
    ? ` (npm’s own words: ${path.relative(process.cwd(), outputFile)})`
    : '';
  if (errorCode(result.error) === 'ENOENT')
    return 'npm was not found; it comes with Node. Install it and start again.';
  if (/ENOSPC|no space left|EDQUOT/i.test(text))
    return `the disk is full: ${what} could not be written to ${cwd}. Free some space and start again.`;
  if (/EACCES|EROFS|EPERM/.test(text))
    return `the folder ${cwd} or npm’s cache cannot be written, so ${what} could not be installed${more}.`;
  if (
    /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|ENOTCACHED|ERR_SOCKET_TIMEOUT|UNABLE_TO_|SELF_SIGNED|CERT_/.test(
      text,
    )
  ) {
    return `npm cannot reach its registry, so ${what} could not be fetched. Check the network, the proxy or \`npm config get registry\`${more}.`;
  }
  const version = npmVersion(cli);
  if (version !== undefined && isTooOld(version)) {
    return `npm ${version} is too old, so ${what} could not be installed. Install Node 16.13 or newer with its npm, and start again${more}.`;
  }
  const tail = result.output.trim().split('\n').slice(-12).join('\n  ');
  return `npm could not install ${what} (exit ${result.code}):\n  ${tail}`;
}

/** npm's script, so that it can run under another Node; undefined where only a command on PATH is known. */
function findNpm() {
  const here = path.dirname(fs.realpathSync(process.execPath));
  const candidates = [
    process.env.npm_execpath,
    path.join(here, '..', 'lib', 'node_modules', 'npm', 'bin', 'npm-cli.js'),
    path.join(here, 'node_modules', 'npm', 'bin', 'npm-cli.js'),
  ];
  (process.env.PATH || '').split(path.delimiter).forEach((folder) => {
    if (folder === '') return;
    candidates.push(path.join(folder, 'npm'), path.join(folder, 'node_modules', 'npm', 'bin', 'npm-cli.js'));
  });
  for (const candidate of candidates) {
    try {
      const real = candidate ? fs.realpathSync(candidate) : '';
      if (path.basename(real) === 'npm-cli.js') return real;
    } catch (_) {
      // Not there: the next one.
    }
  }
  return undefined;
}

/** @param {string | undefined} cli */
function npmVersion(cli) {
  if (cli === undefined) return undefined;
  const found = /** @type {{ version?: string } | undefined} */ (
    readObject(path.join(path.dirname(cli), '..', 'package.json'))
  );
  return found === undefined ? undefined : found.version;
}

/**
 * npm 6 cannot read this lock file, 7 and 8.0 fail at a workspace whose command is not built. 8.1 comes with Node 16.13.
 * @param {string} version
 */
function isTooOld(version) {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major < 8 || (major === 8 && minor < 1);
}

/**
 * Runs a program to its end and keeps the end of its output. SIGINT, SIGTERM and SIGHUP go to that program in the
 * meantime. Never rejects.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {childProcess.SpawnOptions} options
 * @returns {Promise<NpmResult>}
 */
function run(command, args, options) {
  return new Promise((resolve) => {
    const child = childProcess.spawn(command, args, options);
    let output = '';
    /** @param {string} piece */
    const keep = (piece) => {
      output = (output + piece).slice(-maxOutputLength);
    };
    for (const stream of [child.stdout, child.stderr]) {
      if (stream !== null) stream.setEncoding('utf8').on('data', keep);
    }
    /** @type {NodeJS.SignalsListener} */
    const forward = (signal) => {
      child.kill(signal);
    };
    /** @type {readonly NodeJS.Signals[]} */
    const ending = ['SIGINT', 'SIGTERM', 'SIGHUP'];
    for (const signal of ending) process.on(signal, forward);
    let done = false;
    /** @type {(code: number | null, signal: NodeJS.Signals | null, error: Error | undefined) => void} */
    const finish = (code, signal, error) => {
      if (done) return;
      done = true;
      for (const name of ending) process.removeListener(name, forward);
      resolve({ code: code, signal: signal, error: error, output: output });
    };
    child.on('error', (error) => finish(1, null, error));
    child.on('close', (code, signal) => finish(code, signal, undefined));
  });
}

module.exports = { runNpm };
