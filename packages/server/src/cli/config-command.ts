import { relative } from 'node:path';
import type { Config } from '../config/config.ts';
import { formatProblem } from '../config/config-problem.ts';
import { withVariableNames } from '../config/environment-values.ts';
import { loadConfig } from '../config/load-config.ts';
import { didYouMean } from '../domain/nearest.ts';
import type { CommandIo } from './command-io.ts';
import { counted } from './counted.ts';
import { flagHint } from './flag-hint.ts';
import { print } from './print.ts';

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
    io.stderr.write(`tailrace: ${asked.refusal}\n`);
    return 2;
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
  const [action, ...flags] = args;
  if (action === '--help' || action === '-h') return { help: true, probe: false };
  if (action !== 'check') {
    const what =
      action === undefined
        ? 'config needs a second word'
        : `unknown: config ${JSON.stringify(action)}${didYouMean(action, ['check'])}`;
    return { refusal: `${what}; expected: tailrace config check` };
  }
  let asked: Asked = { help: false, probe: false };
  const words = flags.values();
  for (const word of words) {
    if (word === '--help' || word === '-h') asked = { ...asked, help: true };
    else if (word === '--probe') asked = { ...asked, probe: true };
    else if (word === '--config' || word.startsWith('--config=')) {
      const config = word === '--config' ? words.next().value : word.slice('--config='.length);
      if (config === undefined || config === '') return { refusal: '--config needs a file' };
      asked = { ...asked, config };
    } else {
      const hint = flagHint(word, ['--config', '--probe', '--help']);
      return { refusal: `unknown ${JSON.stringify(word)}${hint}; see tailrace config --help` };
    }
  }
  return asked;
}

function shown(file: string, cwd: string): string {
  const inside = relative(cwd, file);
  return inside.startsWith('..') ? file : inside;
}
