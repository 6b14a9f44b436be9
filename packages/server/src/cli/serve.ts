import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { newRequestId } from '../app.ts';
import type { Config } from '../config/config.ts';
import { formatProblem } from '../config/config-problem.ts';
import { configSecrets } from '../config/config-secrets.ts';
import { withNames } from '../config/filled-in.ts';
import { type LoadedConfig, loadConfig, type Reload } from '../config/load-config.ts';
import type { Engine } from '../engine/parent/engine.ts';
import { createReportLimit } from '../http/report-limit.ts';
import { createHttpServer } from '../http/server.ts';
import { createLog } from '../telemetry/create-log.ts';
import { createChangingRedact } from '../telemetry/redact.ts';
import { type CreatedUpstreams, createUpstreams } from '../upstreams/registry.ts';
import { banner, modelsLine } from './banner.ts';
import type { CommandIo } from './command-io.ts';
import { createConfigThread } from './config-thread.ts';
import { createLateReload, type LateReload } from './late-reload.ts';
import { watchParent } from './parent-watch.ts';
import { parseServeFlags, serveUsage } from './serve-flags.ts';
import { createService, type Service } from './service.ts';
import { type FoundKeys, reloadedKeys, type ServingKeys, servingKeys } from './serving-keys.ts';
import { listenForShutdown, type Shutdown } from './shutdown.ts';
import { answerWhileStarting } from './starting.ts';
import { dataDirProblem, listenProblem } from './system-problem.ts';

/** Time for the error events of stopped streams to leave. A slower reader has had the whole drain. */
const lastBytesMs = 500;

/** A thread that does not end by then ends with the process. */
const threadEndMs = 1_000;

/** Connections that send no HTTP leave this many lines in the log, whatever their number. */
const malformedLinesPerMinute = 60;

/** `tailrace serve`. Resolves with the exit code: 0 drained, 1 failed at run time, 2 wrong usage. */
export async function serveCommand(args: readonly string[], io: CommandIo): Promise<number> {
  const flags = parseServeFlags(args);
  if (!flags.ok) return complain(io, 2, flags.message);
  if (flags.flags.help) {
    io.stdout.write(serveUsage);
    return 0;
  }
  const reloads = createLateReload();
  // Before anything is read: without a listener SIGHUP would end a server that is starting.
  const shutdown = listenForShutdown({ terminal: io.stderr.isTTY === true, onReload: reloads.ask });
  const sources = { env: io.env, cwd: io.cwd, flags: flags.flags };
  const loaded = await Promise.race([loadConfig(sources), shutdown.asked]);
  if (loaded === undefined) return 0;
  if (!loaded.ok) return complain(io, 2, loaded.problems.map(formatProblem).join('\n'));
  const thread = createConfigThread();
  const reload = (inForce: Reload) => thread.load({ ...sources, reload: inForce });
  try {
    return await serve(loaded, reload, shutdown, reloads, io);
  } finally {
    await Promise.race([thread.close(), delay(threadEndMs, undefined, { ref: false })]);
  }
}

async function serve(
  { config, warnings, filledIn, filled }: LoadedConfig & { readonly ok: true },
  load: (inForce: Reload) => Promise<LoadedConfig>,
  shutdown: Shutdown,
  reloads: LateReload,
  io: CommandIo,
): Promise<number> {
  const inNames = withNames(() => filledIn);
  let found: FoundKeys;
  try {
    found = await servingKeys(config);
  } catch (error) {
    const { dataDir } = config.server;
    return complain(io, 1, inNames(dataDirProblem(error, dataDir)));
  }
  if (!found.ok) return complain(io, 2, found.problems.join('\n'));
  const { keys } = found;
  const terminal = io.stderr.isTTY === true;
  const { redact, replace } = createChangingRedact();
  const onSecrets = (next: Config, { apiKeys, adminKeys }: ServingKeys) =>
    replace([...configSecrets(next), ...apiKeys, ...adminKeys], next.auth.keyPrefix);
  onSecrets(config, keys);
  const log = createLog({
    ...config.logging,
    stream: io.stderr,
    now: Date.now,
    colour: terminal,
    redact,
  });
  for (const warning of warnings) log.warn(warning);

  let service: Service | undefined;
  const parentPid = Number(io.env['TAILRACE_PARENT_PID']);
  if (parentPid > 0) watchParent(parentPid, shutdown.forceEnd);

  const malformedReports = createReportLimit(malformedLinesPerMinute, () => performance.now());
  const http = createHttpServer(
    (request, response, waits) => (service?.handle ?? answerWhileStarting)(request, response, waits),
    newRequestId,
    ({ requestId, status, reason }) => {
      const report = malformedReports();
      if (report === undefined) return;
      const fields = { request_id: requestId, status, reason, left_out: report.leftOut || undefined };
      log.info('malformed request', fields);
    },
  );
  let port: number;
  try {
    port = await http.listen(config.server.listen);
  } catch (error) {
    return complain(io, 1, inNames(listenProblem(error, config.server.listen)));
  }

  let engine: Engine | undefined;
  try {
    const upstreams = await upstreamsOf(config, io);
    if (upstreams.problems.length > 0) return complain(io, 2, inNames(upstreams.problems.join('\n')));

    if (config.engine.models.size > 0) {
      // Loaded on need: a server without an engine has no use for its rooms.
      const { startEngine } = await import('./start-engine.ts');
      const started = await startEngine(config, io, log, shutdown.signal);
      if (shutdown.signal.aborted) return 0;
      if (started.ok) {
        engine = started.engine;
      } else {
        // Other targets may serve all the same; with none there is nothing to start for.
        if (upstreams.upstreams.size === 0 || started.fatal)
          return complain(io, started.exitCode, started.message);
        log.error(started.message);
      }
    }

    service = createService({
      config,
      filled,
      engine,
      log,
      upstreams,
      keys,
      load,
      createUpstreams: (next, before) => upstreamsOf(next, io, before),
      reloadedKeys,
      onSecrets,
    });
    const { reload } = service;
    reloads.become(() => void reload());
    announce(config, port, keys, io, engine);
    await untilEnd(service, config, io, shutdown);
    return 0;
  } finally {
    await engine?.stop();
    http.destroy();
  }
}

/**
 * Drains. At a second signal, or at the end of the drain, it stops every stream and waits `lastBytesMs` for the last
 * bytes.
 */
async function untilEnd(service: Service, config: Config, io: CommandIo, shutdown: Shutdown): Promise<void> {
  await shutdown.asked;
  const running = service.running();
  if (running > 0) {
    const seconds = Math.round(config.timeouts.drainMs / 1_000);
    const what = running === 1 ? '1 request is running' : `${running} requests are running`;
    io.stderr.write(`tailrace: ${what}; waiting up to ${seconds} s (Ctrl-C again ends at once)\n`);
  }
  const drained = service.drain();
  await Promise.race([drained, shutdown.forced, delay(config.timeouts.drainMs, undefined, { ref: false })]);
  service.stopAll();
  await Promise.race([drained, delay(lastBytesMs, undefined, { ref: false })]);
}

function announce(
  config: Config,
  port: number,
  keys: ServingKeys,
  io: CommandIo,
  engine: Engine | undefined,
): void {
  const { host } = config.server.listen;
  const authority = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  // What listens on every address is reached by none of that name.
  const reachable = host === '0.0.0.0' || host === '::' ? `127.0.0.1:${port}` : authority;
  const models = (engine?.models() ?? []).flatMap((id) => {
    const facts = engine?.describe(id);
    if (facts === undefined) return [];
    const { sequences, contextLength, threads } = facts;
    return [
      `Engine: ${id}, ${counted(sequences, 'sequence')} of ${contextLength} tokens, ${counted(threads, 'thread')}`,
    ];
  });
  io.stderr.write(
    banner({
      url: config.server.publicUrl ?? `http://${reachable}`,
      key: keys.shown,
      adminFile: keys.adminFile,
      models: [...modelsLine(config), ...models],
      serves: config.models.size > 0,
      terminal: io.stderr.isTTY === true,
    }),
  );
  io.stdout.write(`tailrace: listening on http://${authority}\n`);
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

function complain(io: CommandIo, exitCode: number, message: string): number {
  for (const line of message.split('\n')) io.stderr.write(`tailrace: ${line}\n`);
  return exitCode;
}

function upstreamsOf(
  { upstreams, timeouts, stream }: Config,
  io: CommandIo,
  before?: CreatedUpstreams,
): Promise<CreatedUpstreams> {
  const { connectMs } = timeouts;
  return createUpstreams(upstreams, { env: io.env, connectMs, maxEventBytes: stream.maxEventBytes }, before);
}
