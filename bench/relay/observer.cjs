// @ts-check
'use strict';

/*
 * Runs inside Tailrace (NODE_OPTIONS=--require), where the bench wants to look into its process. Nothing of it runs in the
 * measurements of CPU and memory: a process that is observed is measured for nothing else.
 *
 * BENCH_OBSERVE is `pauses` or `heap`, BENCH_OBSERVE_FILE where reports go: at its n-th SIGUSR2 the process writes FILE.n.
 *   pauses  the pauses of the event loop and of collections since the last report; a timer of 1 ms finds them
 *   heap    a heap snapshot, behind a collection, in FILE.n.heapsnapshot; the report has the sizes
 */

const fs = require('node:fs');
const v8 = require('node:v8');
const { constants, monitorEventLoopDelay, PerformanceObserver } = require('node:perf_hooks');

const { BENCH_OBSERVE: what, BENCH_OBSERVE_FILE: file } = process.env;
const resolutionMs = 1;
let reports = 0;

/** @param {() => unknown} take */
function reportWith(take) {
  process.on('SIGUSR2', () => {
    reports += 1;
    const name = `${file}.${reports}`;
    const text = JSON.stringify(take());
    // Renamed when it is complete: the bench reads it as soon as it is there.
    fs.writeFileSync(`${name}.part`, text);
    fs.renameSync(`${name}.part`, name);
  });
}

function observePauses() {
  const delay = monitorEventLoopDelay({ resolution: resolutionMs });
  delay.enable();
  /** @type {Record<string, { count: number, maxMs: number, totalMs: number }>} */
  let collections = {};
  const kinds = new Map([
    [constants.NODE_PERFORMANCE_GC_MINOR, 'young'],
    [constants.NODE_PERFORMANCE_GC_MAJOR, 'full'],
    [constants.NODE_PERFORMANCE_GC_INCREMENTAL, 'incremental'],
    [constants.NODE_PERFORMANCE_GC_WEAKCB, 'weak'],
  ]);
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      const { kind } = /** @type {{ kind: number }} */ (entry.detail);
      const name = kinds.get(kind) || String(kind);
      const one = collections[name] || { count: 0, maxMs: 0, totalMs: 0 };
      collections[name] = {
        count: one.count + 1,
        maxMs: Math.max(one.maxMs, entry.duration),
        totalMs: one.totalMs + entry.duration,
      };
    }
  }).observe({ entryTypes: ['gc'] });
  reportWith(() => {
    const report = {
      // The histogram has the times between two ticks of its timer.
      maxMs: Math.max(0, delay.max / 1e6 - resolutionMs),
      p99Ms: Math.max(0, delay.percentile(99) / 1e6 - resolutionMs),
      p999Ms: Math.max(0, delay.percentile(99.9) / 1e6 - resolutionMs),
      collections,
    };
    delay.reset();
    collections = {};
    return report;
  });
}

function observeHeap() {
  reportWith(() => {
    v8.writeHeapSnapshot(`${file}.${reports}.heapsnapshot`);
    const { rss, heapUsed, heapTotal, external, arrayBuffers } = process.memoryUsage();
    return { rss, heapUsed, heapTotal, external, arrayBuffers };
  });
}

if (what === 'pauses') observePauses();
if (what === 'heap') observeHeap();
