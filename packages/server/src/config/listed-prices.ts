import type { Config, ModelConfig, TargetConfig, UpstreamConfig } from './config.ts';
import { showText, type ValueMessage } from './config-problem.ts';
import { engineUpstream } from './names.ts';
import { type PricesCatalogue, readPricesCatalogue } from './prices-catalogue.ts';
import type { ReadText } from './read-text-file.ts';

/** The catalogue of prices as it was read, and its name for messages. */
interface CatalogueFile {
  readonly name: string;
  readonly read: ReadText;
}

/**
 * Gives each target of a model without a price the one that the catalogue lists for it. `report` is called at most once: the
 * file cannot be read, or entries that are needed are wrong. Other entries are not checked, because the public catalogue has
 * thousands that no target needs.
 */
export function addListedPrices(
  config: Config,
  { name, read }: CatalogueFile,
  report: (message: ValueMessage) => void,
): Config {
  const catalogue = read.ok ? readPricesCatalogue(read.text) : read.message;
  if (typeof catalogue === 'string') {
    report({
      inFile: `cannot read ${showText(name)}: ${catalogue}`,
      fromEnvironment: (value) => `cannot read the file by ${value}: ${catalogue}`,
    });
    return config;
  }
  const models = new Map<string, ModelConfig>();
  for (const [id, model] of config.models) {
    const listed = (target: TargetConfig) => addListed(id, target, config.upstreams, catalogue);
    models.set(id, model.price === undefined ? { ...model, targets: model.targets.map(listed) } : model);
  }
  const { problems } = catalogue;
  if (problems.length > 0) {
    const [first] = problems;
    const more = problems.length > 1 ? ` (and ${problems.length - 1} more like it)` : '';
    report({
      inFile: `${showText(name)}: ${first}${more}`,
      fromEnvironment: (value) => `the file by ${value}: ${first}${more}`,
    });
  }
  return { ...config, models };
}

function addListed(
  id: string,
  target: TargetConfig,
  upstreams: Config['upstreams'],
  catalogue: PricesCatalogue,
): TargetConfig {
  // What the local engine computes costs what the operator says, and nothing by default.
  if (target.upstream === engineUpstream) return target;
  const provider = providerOf(upstreams.get(target.upstream));
  const names = [...(provider === undefined ? [] : [`${provider}/${target.model}`]), target.model, id];
  return { ...target, ...catalogue.find(names) };
}

/** LiteLLM's names of providers, where they are not those of our presets. */
const providers: Readonly<Record<string, string>> = {
  together: 'together_ai',
  fireworks: 'fireworks_ai',
  vllm: 'hosted_vllm',
  lmstudio: 'lm_studio',
};

function providerOf(upstream: UpstreamConfig | undefined): string | undefined {
  if (upstream === undefined || upstream.kind === 'scripted') return undefined;
  const name = upstream.preset ?? upstream.kind;
  return providers[name] ?? name;
}
