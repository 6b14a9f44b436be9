// @ts-check
'use strict';

const childProcess = require('child_process');
const path = require('path');
const { say } = require('./messages.cjs');
const { isInForeground, parentChain } = require('./process-tree.cjs');

const watchEveryMs = 400;
const exitAfterMs = 100;

/*
 * Where the launcher was started directly, on a Node that can, the launcher becomes the command (execve), and no signal
 * has to be forwarded. Elsewhere it stays as the command's parent:
 *  - It forwards SIGTERM. It forwards SIGINT and SIGHUP unless they came from the terminal. The terminal sends them to
 *    the whole foreground group, the command included; forwarded too, one Ctrl-C would count as two, and the second one
 *    means "at once".
 *  - Under npm there is a shell in between: it dies of a signal that was meant for the launcher, and an npm that is
 *    killed sends none. So the launcher watches its parents, and the loss of one counts as SIGTERM.
 *  - A launcher that is killed (SIGKILL) leaves a command whose parent is not TAILRACE_PARENT_PID: the server then ends
 *    by itself.
 */

/**
 * Runs `node ARGS` with this process's streams. When it ends, this process ends too, with the same exit code or by the
 * same signal; with exit code 1 where `node` cannot be started.
 * @param {string} node
 * @param {readonly string[]} args
 */
function startCommand(node, args) {
  const env = Object.assign({}, process.env);
  env.PATH = path.dirname(node) + path.delimiter + (env.PATH || '');
  const underNpm = process.env.npm_lifecycle_event !== undefined;
  if (!underNpm && node === process.execPath) replaceProcess(node, args, env);
  runChild(node, args, env, 'inherit', (code) => process.exit(code));
}

/**
 * Runs `node ARGS` in silence and resolves with its exit code. The signals of this process reach it as they reach the command:
 * where it ends by a signal, this process does too.
 * @param {string} node
 * @param {readonly string[]} args
 * @returns {Promise<number>}
 */
function runBefore(node, args) {
  return new Promise((resolve) => runChild(node, args, Object.assign({}, process.env), 'ignore', resolve));
}

/**
 * @param {string} node
 * @param {readonly string[]} args
 * @param {NodeJS.ProcessEnv} env
 * @param {'inherit' | 'ignore'} stdio
 * @param {(code: number) => void} ended
 */
function runChild(node, args, env, stdio, ended) {
  env.TAILRACE_PARENT_PID = String(process.pid);
  const child = childProcess.spawn(node, args, { stdio: stdio, env: env });
  const stopForwarding = forwardSignals(child, process.env.npm_lifecycle_event !== undefined);
  child.on('error', (error) => {
    stopForwarding();
    say(`cannot start ${node}: ${error.message}`);
    process.exit(1);
  });
  child.on('exit', (code, signal) => {
    stopForwarding();
    if (signal === null) {
      ended(code === null ? 1 : code);
      return;
    }
    process.kill(process.pid, signal);
    // Where that signal does not end this process (on Windows), the exit does.
    setTimeout(() => process.exit(1), exitAfterMs);
  });
}

/**
 * Replaces this process by the command; returns where that is not possible.
 * @param {string} node
 * @param {readonly string[]} args
 * @param {NodeJS.ProcessEnv} env
 */
function replaceProcess(node, args, env) {
  if (typeof process.execve !== 'function' || process.platform === 'win32') return;
  const own = Object.assign({}, env);
  delete own.TAILRACE_PARENT_PID;
  // Node warns that the call is experimental.
  process.emitWarning = () => {};
  try {
    process.execve(node, [node].concat(args), own);
  } catch (_) {
    // It failed before it replaced the process: the command becomes a child.
  }
}

/**
 * Forwards signals to a child, and the loss of npm as SIGTERM. Returns the function that ends this.
 * @param {childProcess.ChildProcess} child
 * @param {boolean} underNpm
 */
function forwardSignals(child, underNpm) {
  // True once the command knows that it has to end: then the loss of npm adds nothing.
  let ending = false;
  let foreground = isInForeground();
  const onTerm = () => {
    ending = true;
    child.kill('SIGTERM');
  };
  /** @param {NodeJS.Signals} signal */
  const fromTerminal = (signal) => {
    // SIGHUP does not count: a server without a terminal reloads on it, and npm dies of it.
    ending = ending || signal === 'SIGINT';
    // The last look counts too: by now the shell may have taken the terminal back.
    if (!foreground && !isInForeground()) child.kill(signal);
  };
  process.on('SIGTERM', onTerm);
  process.on('SIGINT', fromTerminal);
  process.on('SIGHUP', fromTerminal);
  const parents = underNpm ? parentChain() : '';
  const watch = setInterval(() => {
    foreground = isInForeground();
    if (underNpm && !ending && parentChain() !== parents) {
      ending = true;
      child.kill('SIGTERM');
    }
  }, watchEveryMs);
  return () => {
    clearInterval(watch);
    process.removeListener('SIGTERM', onTerm);
    process.removeListener('SIGINT', fromTerminal);
    process.removeListener('SIGHUP', fromTerminal);
  };
}

module.exports = { runBefore, startCommand };
