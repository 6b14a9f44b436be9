import { type ServingFacts, serve } from '../service/serve.ts';
import { localUrl } from '../service/server-file.ts';
import { banner, engineLines, modelsLine } from './banner.ts';
import type { CommandIo } from './command-io.ts';
import { consoleAddress } from './console-address.ts';
import { counted } from './counted.ts';
import { print } from './print.ts';
import { keepCompiledCode } from './process-settings.ts';
import { parseServeFlags, serveUsage } from './serve-flags.ts';

/** `tailrace serve`. Resolves to the exit code: 0 drained, 1 failed at run time, 2 wrong usage. */
export async function serveCommand(args: readonly string[], io: CommandIo): Promise<number> {
  const parsed = parseServeFlags(args);
  if (!parsed.ok) return complain(io, 2, parsed.message);
  if (parsed.flags.help) {
    await print(io, serveUsage);
    return 0;
  }
  const served = await serve({
    env: io.env,
    cwd: io.cwd,
    flags: parsed.flags,
    output: io.stderr,
    workerFile: new URL(`./worker-main${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url),
    onServing: (facts) => announce(facts, io),
    onDraining(running, drainMs) {
      const seconds = Math.round(drainMs / 1_000);
      const what = `${counted(running, 'request')} ${running === 1 ? 'is' : 'are'} running`;
      io.stderr.write(`tailrace: ${what}; waiting up to ${seconds} s (Ctrl-C again ends at once)\n`);
    },
  });
  return served.ok ? 0 : complain(io, served.exitCode, served.message);
}

function announce({ config, port, keys, engine, signInCode }: ServingFacts, io: CommandIo): void {
  const { host } = config.server.listen;
  const authority = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  const terminal = io.stderr.isTTY === true;
  io.stderr.write(
    banner({
      url: config.server.publicUrl ?? localUrl({ host }, port),
      key: keys.shown,
      adminFile: keys.adminFile,
      models: [...modelsLine(config), ...engineLines(engine)],
      serves: config.models.size > 0,
      terminal,
      // The address of this very process, not of a balancer: no other replica knows the code.
      console:
        terminal && config.console.enabled
          ? consoleAddress(localUrl({ host }, port), signInCode())
          : undefined,
    }),
  );
  io.stdout.write(`tailrace: listening on http://${authority}\n`);
  keepCompiledCode();
}

function complain(io: CommandIo, exitCode: number, message: string): number {
  for (const line of message.split('\n')) io.stderr.write(`tailrace: ${line}\n`);
  return exitCode;
}
