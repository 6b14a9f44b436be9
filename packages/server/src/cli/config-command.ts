import { relative } from 'node:path';
import type { Config } from '../config/config.ts';
import { formatProblem } from '../config/config-problem.ts';
import { withVariableNames } from '../config/environment-values.ts';
import { loadConfig } from '../config/load-config.ts';
import { complain } from './administer.ts';
import type { CommandIo } from './command-io.ts';
import { counted } from './counted.ts';
import { print } from './print.ts';
import { readWords } from './read-words.ts';
import { unknownCommand } from './unknown-command.ts';

const usage = `Usage: tailrace config check [--config FILE] [--probe]

  Checks the configuration as \`tailrace serve\` would, without starting the server.
  --probe  also calls each upstream once for each of its models and keys: one token, 10 s at most
  Exit status: 0 valid, 1 a call of --probe failed, 2 not valid.
`;

/**
 * `tailrace config …`. Resolves to the exit status: 0 valid, 1 a probe failed, 2 wrong usage or configuration. The result
 * goes to standard output, warnings and problems go to standard error.
 */
export async function configCommand(args: readonly string[], io: CommandIo): Promise<number> {
  const asked = parse(args);
  if ('refusal' in asked) {
    return complain(io, asked.refusal, 2);
  }
  if (asked.help) {
    await print(io, usage);
    return 0;
  }
  const { config: file } = asked;
  const loaded = await loadConfig({
    env: io.env,
    cwd: io.cwd,
    flags: file === undefined ? {} : { config: file },
  });
  if (!loaded.ok) {
    io.stderr.write(loaded.problems.map((problem) => `${formatProblem(problem)}\n`).join(''));
    return 2;
  }
  const { config } = loaded;
  // Imported here: most mistakes are found without the code of any provider.
  const { checkUpstreams } = await import('../service/check-upstreams.ts');
  const { problems, warnings } = await checkUpstreams(config, io.env);
  if (problems.length > 0) {
    const withNames = withVariableNames(() => loaded.environmentValues);
    io.stderr.write(problems.map((problem) => `${withNames(problem)}\n`).join(''));
    return 2;
  }
  const name = config.file === undefined ? 'no configuration file' : shown(config.file, io.cwd);
  const counts = `${counted(config.models.size, 'model')}, ${counted(config.upstreams.size, 'upstream')}`;
  await print(io, `${name}: ok (${counts})\n`);
  io.stderr.write([...loaded.warnings, ...warnings].map((warning) => `warning: ${warning}\n`).join(''));
  return asked.probe ? await probe(config, io) : 0;
}

async function probe(config: Config, io: CommandIo): Promise<number> {
  const { probeUpstreams } = await import('../service/probe-upstreams.ts');
  const { lines, ok, problems } = await probeUpstreams(config, io);
  io.stderr.write(problems.map((problem) => `${problem}\n`).join(''));
  if (problems.length > 0) return 2;
  await print(io, lines.map((line) => `${line}\n`).join(''));
  return ok ? 0 : 1;
}

interface Asked {
  readonly help: boolean;
  readonly probe: boolean;
  readonly config?: string;
}

function parse(args: readonly string[]): Asked | { readonly refusal: string } {
  const read = readWords(args, { values: ['--config'], switches: ['--probe', '--help'] });
  if (!read.ok) return { refusal: `${read.message}; see tailrace config --help` };
  const { words, values, on } = read;
  const [action, extra] = words;
  const help = on.has('--help') || action === 'help';
  if (!help && action !== 'check') return { refusal: unknownCommand('config', action, ['check']) };
  if (!help && extra !== undefined)
    return { refusal: `unexpected ${JSON.stringify(extra)}; see tailrace config --help` };
  const { '--config': config } = values;
  return { help, probe: on.has('--probe'), ...(config === undefined ? {} : { config }) };
}

function shown(file: string, cwd: string): string {
  const inside = relative(cwd, file);
  return inside.startsWith('..') ? file : inside;
}
