import { describe, expect, it } from 'vitest';
import { memoryFiles } from '../testing/memory-files.ts';
import type { Config } from './config.ts';
import { formatProblem } from './config-problem.ts';
import { type ConfigSources, loadConfig } from './load-config.ts';

const folder = '/etc/tailrace';

async function load(yaml: string, flags: ConfigSources['flags'] = {}) {
  const files = memoryFiles(folder, {
    'tailrace.yaml': yaml,
    'x.gguf': '',
    'My Chat.Q4.GGUF': '',
    'answers.yaml': '',
  });
  return loadConfig({ env: {}, cwd: folder, files, flags });
}

async function valid(yaml: string, flags?: ConfigSources['flags']): Promise<Config> {
  const loaded = await load(yaml, flags);
  if (!loaded.ok) throw new Error(loaded.problems.map(formatProblem).join('\n'));
  return loaded.config;
}

async function problems(yaml: string, flags?: ConfigSources['flags']): Promise<readonly string[]> {
  const loaded = await load(yaml, flags);
  return loaded.ok ? [] : loaded.problems.map(formatProblem);
}

/** `id (alias, alias)`, in order. */
function publicIds({ models }: Config): readonly string[] {
  return [...models].map(([id, { aliases }]) =>
    aliases.length === 0 ? id : `${id} (${aliases.join(', ')})`,
  );
}

const engineIds = (config: Config): readonly string[] => [...config.engine.models.keys()];
const demo = 'upstreams: {demo: {kind: scripted, script: answers.yaml}}\n';

describe('the engine', () => {
  it('does not start where all models are at upstreams', async () => {
    const config = await valid(`${demo}models: {a: {targets: [{upstream: demo}]}}`);
    expect(engineIds(config)).toEqual([]);
    expect(publicIds(config)).toEqual(['a (default)']);
  });

  it('starts for a target that names the default model, without a section', async () => {
    const config = await valid('models: {a: {targets: [{engine: smollm2-135m-instruct}]}}');
    expect(config.engine.models.get('smollm2-135m-instruct')).toEqual({
      sequences: 8,
      context: 2048,
      public: true,
    });
    expect(publicIds(config)).toEqual(['a (default)', 'smollm2-135m-instruct']);
  });

  it('starts for a section that names a model; that model is public under its own id', async () => {
    const config = await valid(
      `${demo}engine: {models: {own: {file: x.gguf}}}\nmodels: {a: {targets: [{upstream: demo}]}}`,
    );
    expect(engineIds(config)).toEqual(['own']);
    expect(publicIds(config)).toEqual(['a (default)', 'own']);
  });

  it('does not serve a model that is not public', async () => {
    const yaml =
      'engine: {models: {own: {file: x.gguf, public: false}}}\nmodels: {a: {targets: [{engine: own}]}}';
    expect(publicIds(await valid(yaml))).toEqual(['a (default)']);
  });

  it('serves its first model as default where no models are given', async () => {
    const config = await valid('engine: {models: {one: {file: x.gguf}, two: {file: x.gguf}}}');
    expect(publicIds(config)).toEqual(['one (default)', 'two']);
  });

  it('runs the default model with settings that name none', async () => {
    const config = await valid('engine: {threads: 2}');
    expect(engineIds(config)).toEqual(['smollm2-135m-instruct']);
    expect(config.engine.threads).toBe(2);
  });

  it('lets an entry or an alias take the id of an engine model', async () => {
    const entry = await valid(
      'models: {smollm2-135m-instruct: {targets: [{engine: smollm2-135m-instruct}]}}',
    );
    expect(publicIds(entry)).toEqual(['smollm2-135m-instruct (default)']);
    const alias = await valid(
      'models: {a: {aliases: [smollm2-135m-instruct], targets: [{engine: smollm2-135m-instruct}]}}',
    );
    expect(publicIds(alias)).toEqual(['a (smollm2-135m-instruct, default)']);
  });

  it('needs the file of every model but the default one', async () => {
    expect(await problems('engine: {models: {own: {}}}')).toEqual([
      'tailrace.yaml:1: engine.models.own.file: needs the GGUF file; only smollm2-135m-instruct is found without one',
    ]);
    expect(await problems('engine: {models: {own: {file: nowhere.gguf}}}')).toEqual([
      'tailrace.yaml:1: engine.models.own.file: there is no regular file nowhere.gguf',
    ]);
  });
});

describe('with the engine switched off', () => {
  it('there is no model at all where none is configured', async () => {
    for (const config of [await valid('engine: {enabled: false}'), await valid('', { noEngine: true })]) {
      expect(config.engine).toMatchObject({ enabled: false });
      expect(engineIds(config)).toEqual([]);
      expect(publicIds(config)).toEqual([]);
    }
  });

  it('its targets and fallbacks are left out, with a warning', async () => {
    const yaml = `${demo}models:
  a: {targets: [{engine: smollm2-135m-instruct}, {upstream: demo}], fallbacks: [smollm2-135m-instruct]}
  b: {targets: [{engine: smollm2-135m-instruct}]}`;
    const loaded = await load(yaml, { noEngine: true });
    expect(loaded.ok && loaded.config.models.get('a')?.targets).toMatchObject([
      { upstream: 'demo', model: 'a' },
    ]);
    expect(loaded.ok && loaded.config.models.get('b')?.targets).toEqual([]);
    expect(loaded.ok && loaded.warnings).toHaveLength(2);
  });

  it('the files of its models may be missing', async () => {
    expect(await problems('engine: {enabled: false, models: {own: {file: nowhere.gguf}}}')).toEqual([]);
  });
});

describe('--model', () => {
  it('serves a file under its name and as default, with as much context as fits', async () => {
    const config = await valid('', { model: 'x.gguf' });
    expect(config.engine.models).toEqual(
      new Map([['x', { file: '/etc/tailrace/x.gguf', sequences: 8, context: 'max', public: true }]]),
    );
    expect(publicIds(config)).toEqual(['x (default)']);
  });

  it('makes an id of any file name', async () => {
    expect(publicIds(await valid('', { model: './My Chat.Q4.GGUF' }))).toEqual(['my-chat.q4 (default)']);
  });

  it('has the name default instead of the models of the file', async () => {
    const yaml = `${demo}models: {a: {aliases: [default, chat], targets: [{upstream: demo}]}}`;
    expect(publicIds(await valid(yaml, { model: 'x.gguf' }))).toEqual(['a (chat)', 'x (default)']);
  });

  it('keeps the settings that the file has for that engine model', async () => {
    const config = await valid('engine: {models: {x: {file: nowhere.gguf, sequences: 2, context: 512}}}', {
      model: 'x.gguf',
    });
    expect(config.engine.models.get('x')).toEqual({
      file: '/etc/tailrace/x.gguf',
      sequences: 2,
      context: 512,
      public: true,
    });
  });

  it('switches an engine on that the file switches off', async () => {
    expect(publicIds(await valid('engine: {enabled: false}', { model: 'x.gguf' }))).toEqual(['x (default)']);
  });

  it('does not silently hide a model of the same id', async () => {
    const yaml = `${demo}models: {default: {targets: [{upstream: demo}]}}`;
    expect(await problems(yaml, { model: 'x.gguf' })).toEqual([
      '--model: serves its file as "x" and "default", but the configuration has a model "default"',
    ]);
  });
});

describe('default', () => {
  it.each([
    [
      'the first model',
      'models: {b: {targets: [{upstream: demo}]}, a: {targets: [{upstream: demo}]}}',
      ['b (default)', 'a'],
    ],
    [
      'the model of that id',
      'models: {a: {targets: [{upstream: demo}]}, default: {targets: [{upstream: demo}]}}',
      ['a', 'default'],
    ],
    [
      'the model with that alias',
      'models: {a: {targets: [{upstream: demo}]}, b: {aliases: [default], targets: [{upstream: demo}]}}',
      ['a', 'b (default)'],
    ],
  ])('is %s', async (_, yaml, ids) => {
    expect(publicIds(await valid(demo + yaml))).toEqual(ids);
  });
});

describe('targets, aliases and fallbacks', () => {
  const target = 'targets: [{upstream: demo}]';

  it('fallbacks become ids, each once', async () => {
    const config = await valid(
      `${demo}models: {a: {${target}, fallbacks: [bee, b, c]}, b: {aliases: [bee], ${target}}, c: {${target}}}`,
    );
    expect(config.models.get('a')?.fallbacks).toEqual(['b', 'c']);
  });

  it('a fallback to the model itself is left out', async () => {
    const config = await valid(
      `${demo}models:
  a: {aliases: [chat], ${target}, fallbacks: [default, chat, a]}
  b: {${target}, fallbacks: [default]}`,
    );
    expect(config.models.get('a')?.fallbacks).toEqual([]);
    expect(config.models.get('b')?.fallbacks).toEqual(['a']);
  });

  it.each([
    [
      `a: {${target}, fallbacks: [b]}, b: {${target}, fallbacks: [a]}`,
      'models.b.fallbacks: lead in a circle: a → b → a',
    ],
    [
      `a: {${target}, fallbacks: [b]}, b: {${target}, fallbacks: [c]}, c: {${target}, fallbacks: [b]}`,
      'models.c.fallbacks: lead in a circle: b → c → b',
    ],
    [
      `a: {${target}, fallbacks: [b]}, b: {${target}, fallbacks: [default]}`,
      'models.b.fallbacks: lead in a circle: a → b → a',
    ],
    [
      `chat: {${target}, fallbacks: [chta]}`,
      'models.chat.fallbacks[0]: expected the id or alias of a model, got "chta" (did you mean "chat"?)',
    ],
    [`a: {aliases: [b], ${target}}, b: {${target}}`, 'models.a.aliases[0]: "b" is already the id of a model'],
    [
      `a: {aliases: [c], ${target}}, b: {aliases: [c], ${target}}`,
      'models.b.aliases[0]: "c" is already an alias of "a"',
    ],
    [`a: {aliases: ["a b"], ${target}}`, 'models.a.aliases[0]: expected a model id'],
    [
      `"a/../b": {${target}}`,
      'models.a/../b: expected a model id (letters, digits and . _ : @ + - in segments separated by /), got "a/../b"',
    ],
    ['a: {}', 'models.a.targets: a model needs at least one target, such as {engine: smollm2-135m-instruct}'],
    [
      'a: {targets: [{}]}',
      'models.a.targets[0]: names no place; expected {upstream: NAME, model: …} or {engine: ID}',
    ],
    [
      'a: {targets: [{upstream: demo, engine: x}]}',
      'models.a.targets[0]: names both an upstream and an engine model; a target is one of them',
    ],
    [
      'a: {targets: [{engine: smollm2-135m-instruct, model: x}]}',
      'models.a.targets[0].model: belongs to an upstream; engine: already names the model',
    ],
    [
      'a: {targets: [{engine: smollm2-135m-instuct}]}',
      'models.a.targets[0].engine: expected the id of a model under engine.models, got "smollm2-135m-instuct" (did you mean "smollm2-135m-instruct"?)',
    ],
    [
      'a: {targets: [{upstream: dmeo}]}',
      'models.a.targets[0].upstream: expected the name of an upstream, got "dmeo" (did you mean "demo"?)',
    ],
    [
      'a: {targets: [{upstream: engine}]}',
      'models.a.targets[0].upstream: expected the name of an upstream, got "engine" (the local engine is named {engine: ID})',
    ],
    [
      'a: {targets: [{upstream: demo, weight: -1}]}',
      'models.a.targets[0].weight: expected a number from 0 to 1000000, got -1',
    ],
    [
      'a: {targets: [{upstream: demo, weight: 0}]}',
      'models.a.targets: no target of priority 0 has a weight above 0, so none would be drawn',
    ],
    [
      `a: {${target}, price: {input: -0.1}}`,
      'models.a.price.input: expected dollars from 0 to 1000000, with at most 12 decimals, such as 0.15, got -0.1',
    ],
  ])('%s is refused', async (models, message) => {
    expect(await problems(`${demo}models: {${models}}`)).toEqual([
      expect.stringContaining(`tailrace.yaml:2: ${message}`),
    ]);
  });
});
