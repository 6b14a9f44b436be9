// @ts-check
'use strict';

const { readText } = require('./files.cjs');

/** True where the terminal sends its signals to the launcher's children too. */
function isInForeground() {
  if (process.platform !== 'linux') {
    return Boolean(process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY);
  }
  const fields = processStatus('self');
  return fields !== undefined && Number(fields[5]) > 0 && fields[2] === fields[5];
}

/**
 * The parent's process id; where the parent is npm's shell (Debian's sh stays in between) also that of the shell's
 * parent. It changes when one of them is gone.
 */
function parentChain() {
  const parent = process.ppid;
  if (process.platform !== 'linux') return String(parent);
  const name = readText(`/proc/${parent}/comm`);
  const isShell = name !== undefined && /^(sh|dash|bash|ash|zsh|busybox)$/.test(name.trim());
  const fields = isShell ? processStatus(String(parent)) : undefined;
  return parent + (fields === undefined ? '' : ` ${fields[1]}`);
}

/**
 * The fields of proc(5) stat from `state` on: 1 is the parent, 2 the process group, 5 the terminal's foreground group.
 * Undefined where the process is gone.
 * @param {string} pid
 */
function processStatus(pid) {
  const text = readText(`/proc/${pid}/stat`);
  return text === undefined ? undefined : text.slice(text.lastIndexOf(')') + 2).split(' ');
}

module.exports = { isInForeground, parentChain };
