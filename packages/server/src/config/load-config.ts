import { basename, dirname, isAbsolute, relative, resolve } from 'node:path';
import { defaultCacheDir, type Machine, thisMachine } from './cache-dir.ts';
import type { Config } from './config.ts';
import { type ConfigFiles, diskFiles } from './config-files.ts';
import {
  type ConfigPath,
  type ConfigProblem,
  expected,
  isSecret,
  showText,
  type ValueMessage,
} from './config-problem.ts';
import { type Environment, environmentVariable } from './environment.ts';
import { createEnvironmentValues, type EnvironmentValue } from './environment-values.ts';
import { freeze } from './freeze.ts';
import { addListedPrices } from './listed-prices.ts';
import { applyOverrides, type ConfigFlags, isMapping, overridesFrom } from './overrides.ts';
import { parseRaw, valueAt } from './parse-raw.ts';
import { createProblemList, type Origin } from './problem-list.ts';
import { resolveConfig } from './resolve-config.ts';
import type { ResolveContext } from './resolve-context.ts';
import type { ModelFlag } from './resolve-engine.ts';
import { isAmount } from './resolve-price.ts';
import { settingOrigins } from './setting-origins.ts';
import { readYaml, type YamlDocument } from './yaml-document.ts';

export interface ConfigSources {
  readonly env: Environment;
  /** Absolute. */
  readonly cwd: string;
  readonly flags?: ConfigFlags;
  /** Default: the disk. */
  readonly files?: ConfigFiles;
  /** Set where a running server reads its configuration again. */
  readonly reload?: Reload;
  /** Decides where caches are. Default: this machine. */
  readonly machine?: Machine;
}

export interface Reload {
  /** Whether the file in force sets anything. If it does, an empty file is refused: it is being written, or was cut. */
  readonly fileHasContent: boolean;
}

export type LoadedConfig =
  | {
      readonly ok: true;
      readonly config: Config;
      readonly warnings: readonly string[];
      /** The values from the environment, for `withVariableNames`: problems that are found later must not show them. */
      readonly environmentValues: readonly EnvironmentValue[];
      /** Whether the file sets anything. */
      readonly fileHasContent: boolean;
    }
  | { readonly ok: false; readonly problems: readonly ConfigProblem[] };

const defaultFile = 'tailrace.yaml';

/**
 * Reads flags, environment and file (in this order of precedence), checks everything and freezes the result. Keeps
 * nothing open. A mistake of the operator never makes it reject: the list has every problem, in the order of the file,
 * with secrets masked.
 */
export async function loadConfig(sources: ConfigSources): Promise<LoadedConfig> {
  const { env, cwd, flags = {}, files = diskFiles, machine = thisMachine(), reload } = sources;
  const asked = flags.config ?? environmentVariable(env, 'TAILRACE_CONFIG');
  const file = resolve(cwd, asked ?? defaultFile);
  const shownFile = shown(file, cwd);
  const overrides = overridesFrom(env, flags);

  let document: YamlDocument | undefined;
  const overrideAt = (path: ConfigPath) =>
    overrides.findLast((override) => override.path.every((step, index) => step === path[index]));
  const environmentValues = createEnvironmentValues(
    env,
    () => document?.filledBy() ?? [],
    (path) => (overrideAt(path) === undefined ? (document?.filledByAt(path) ?? []) : []),
  );
  const problems = createProblemList((path, at) => originOf(path, at), environmentValues);
  function originOf(path: ConfigPath, at: 'key' | 'value'): Origin {
    const override = overrideAt(path);
    if (override !== undefined) return { source: override.source };
    const position = at === 'key' ? document?.keyAt(path) : document?.valueAt(path);
    return { source: shownFile, ...position };
  }

  const read = await files.read(file, reload !== undefined);
  if (!read.ok && (read.reason !== 'missing' || asked !== undefined)) {
    const source =
      flags.config !== undefined ? '--config' : asked !== undefined ? 'TAILRACE_CONFIG' : shownFile;
    problems.reportAt({ source }, `cannot read ${showText(shownFile)}: ${read.message}`);
    return { ok: false, problems: problems.sorted() };
  }
  if (read.ok) {
    const yaml = readYaml(read.text, env, isAmount);
    document = yaml.document;
    for (const { path, position, message } of yaml.problems) {
      if (path.length > 0) problems.report(path, message);
      else problems.reportAt({ source: shownFile, ...position }, message);
    }
    if (document === undefined) return { ok: false, problems: problems.sorted() };
  }

  const fromFile = document?.value ?? {};
  const fileHasContent = !isMapping(fromFile) || Object.keys(fromFile).length > 0;
  if (reload?.fileHasContent === true && read.ok && !fileHasContent) {
    const message = 'it is empty; a reload does not replace a configuration by an empty file';
    problems.reportAt({ source: shownFile }, message);
    return { ok: false, problems: problems.sorted() };
  }
  if (!isMapping(fromFile)) {
    problems.report([], expected('a mapping (server: …, models: …)', fromFile, []));
    return { ok: false, problems: problems.sorted() };
  }
  const data = applyOverrides(fromFile, overrides);
  reportEmptyKeys(data, document, (path, message) => problems.report(path, message));
  const raw = parseRaw(data, problems);

  const fileChecks: { readonly file: string; readonly report: (shownName: string) => void }[] = [];
  // A pipe has no folder.
  const base = read.ok && read.again ? dirname(file) : cwd;
  const context: ResolveContext = {
    problems,
    warnings: [],
    absolute(path, text) {
      const overridden = overrides.some((override) => override.path.join() === path.join());
      return resolve(overridden ? cwd : base, text);
    },
    file(path, text) {
      const absolute = context.absolute(path, text);
      fileChecks.push({ file: absolute, report: (shownName) => problems.report(path, missing(shownName)) });
      return absolute;
    },
    written(...path) {
      const section = valueAt(data, path);
      return new Set(isMapping(section) ? Object.keys(section) : []);
    },
  };

  let modelFlag: ModelFlag | undefined;
  if (flags.model !== undefined) {
    modelFlag = { id: idOfFile(flags.model), file: resolve(cwd, flags.model) };
    if (flags.noEngine)
      problems.reportAt({ source: '--model' }, 'needs the engine that --no-engine switches off');
    fileChecks.push({
      file: modelFlag.file,
      report: (shownName) => problems.reportAt({ source: '--model' }, missing(shownName).inFile),
    });
  }
  const cacheFromEnv = environmentVariable(env, 'TAILRACE_CACHE_DIR');
  const cacheDir = cacheFromEnv === undefined ? defaultCacheDir(env, machine) : resolve(cwd, cacheFromEnv);
  const origins = settingOrigins(data, (path) => originOf(path, 'key'));
  const resolved = resolveConfig(
    raw,
    { cacheDir, file: read.ok ? file : undefined, modelFlag, origins },
    context,
  );

  for (const { file: wanted, report } of fileChecks) {
    if (!(await files.isFile(wanted))) report(shown(wanted, cwd));
  }
  const { pricesFile } = resolved.storage;
  const config =
    pricesFile === undefined
      ? resolved
      : addListedPrices(
          resolved,
          { name: shown(pricesFile, cwd), read: await files.readLarge(pricesFile, reload !== undefined) },
          (message) => problems.report(['storage', 'prices_file'], message),
        );
  const found = problems.sorted();
  if (found.length > 0) return { ok: false, problems: found };
  const warnings = [
    ...context.warnings,
    ...replacedKeys(fromFile, overrides),
    ...(config.auth.required ? [] : [openToAll]),
    ...(config.models.size === 0 ? [withoutModels] : []),
  ];
  return {
    ok: true,
    config: freeze(config),
    warnings: warnings.map(environmentValues.withNames),
    environmentValues: environmentValues.values(),
    fileHasContent,
  };
}

function missing(file: string): ValueMessage {
  return {
    inFile: `there is no regular file ${showText(file)}`,
    fromEnvironment: (value) => `there is no regular file by ${value}`,
  };
}

/** `models/My Chat.Q4.gguf` → `my-chat.q4`: lower case, without extension, fit for a model id. */
function idOfFile(file: string): string {
  const name = basename(file.replaceAll('\\', '/'))
    .replace(/\.gguf$/i, '')
    .toLowerCase();
  return name.replace(/[^a-z0-9._-]+/g, '-').replace(/^[.-]+|[.-]+$/g, '') || 'model';
}

/** An empty key is one that every client has. The message names the variable that is empty. */
function reportEmptyKeys(
  data: unknown,
  document: YamlDocument | undefined,
  report: (path: ConfigPath, message: string) => void,
): void {
  const visit = (value: unknown, path: ConfigPath): void => {
    if (Array.isArray(value)) for (const [index, item] of value.entries()) visit(item, [...path, index]);
    else if (isMapping(value)) for (const [key, item] of Object.entries(value)) visit(item, [...path, key]);
    else if (value === '' && isSecret(path) && !path.includes('headers')) {
      const names = document?.variablesAt(path) ?? [];
      const cause =
        names.length === 0 ? '' : `: the environment variable ${names.join(', ')} is empty or not set`;
      report(path, `must not be empty${cause}`);
    }
  };
  visit(data, []);
}

const openToAll =
  'auth.required is false: every program on this machine can use every model and the whole administration without a key';

const withoutModels =
  'no model is configured, and the engine has none: every completion will be answered with 404 model_not_found';

/** A warning for each list of keys in the file that the environment replaces: it is the rule, but may surprise. */
function replacedKeys(file: unknown, overrides: ReturnType<typeof overridesFrom>): readonly string[] {
  return overrides.flatMap(({ path, value, source }) => {
    const written = valueAt(file, path);
    if (path[0] !== 'auth' || !Array.isArray(written) || !Array.isArray(value)) return [];
    const lost = written.some((key) => !value.includes(key));
    return lost
      ? [`${source} takes the place of ${path.join('.')} in the file; the keys there are not valid`]
      : [];
  });
}

function shown(file: string, cwd: string): string {
  const inside = relative(cwd, file);
  return inside === '' || inside.startsWith('..') || isAbsolute(inside) ? file : inside;
}
