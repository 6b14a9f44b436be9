import type { ModelConfig, TargetConfig, TimeoutsConfig } from '../config/config.ts';
import { findFault, modelPrefix, spelling } from '../wall/catalogue.ts';
import type { Fault } from '../wall/fault.ts';
import { labPrefix } from './lab-prefix.ts';
import { type Setting, settings } from './settings.ts';

/** The upstreams of the lab. */
export const labUpstreams = {
  /** The wall, where it misbehaves. */
  wall: 'fault-lab',
  /** The wall too, where it is healthy. It continues a given text. */
  spare: 'fault-lab-spare',
  /** The wall's port at which every connection is refused. */
  closed: 'fault-lab-closed',
} as const;

export interface LabModelConfig {
  /** With setting and fault, also where a short name was asked for. */
  readonly id: string;
  readonly config: ModelConfig;
}

/** `fault-lab/SETTING/FAULT`, as `fault-lab/takeover/cut-rst:3`. */
export function labModelId(setting: Setting, fault: Fault): string {
  return `${labPrefix}${setting}/${spelling(fault)}`;
}

/** The model of an id, or of a setting alone (`fault-lab/takeover`); undefined where the lab has none of that name. */
export function labModel(name: string): LabModelConfig | undefined {
  const [, asked = '', given] = /^fault-lab\/([a-z]+)(?:\/(.+))?$/.exec(name) ?? [];
  const setting = settings.find((one) => one.name === asked);
  if (setting === undefined) return undefined;
  const found = findFault(given ?? setting.usualFault);
  if (!found.ok) return undefined;
  const { fault, argument } = found;
  // Many more events than the fault usually has would keep the server busy for minutes.
  if (fault.parameter?.kind === 'count' && argument.count > Math.max(fault.parameter.default, mostCounted))
    return undefined;
  const text = given ?? setting.usualFault;
  const config = configOf(setting.name, fault, `${modelPrefix}${text}`);
  return {
    id: `${labPrefix}${asked}/${text}`,
    config: given === undefined ? { ...config, aliases: [name] } : config,
  };
}

const mostCounted = 1_000;

/** Short, so that one sees within seconds what happens. */
const timeouts: Partial<TimeoutsConfig> = {
  connectMs: 2_000,
  firstTokenMs: 3_000,
  stallMs: 2_000,
  totalMs: 60_000,
};
/** For a fault that no target can end before the deadline. */
const shortTotalMs = 5_000;

function configOf(setting: Setting, fault: Fault, model: string): ModelConfig {
  const takeover = setting === 'takeover' ? 'prefix' : 'none';
  const upstream = fault.closedPort === true ? labUpstreams.closed : labUpstreams.wall;
  const broken: TargetConfig = { upstream, model, priority: 0, weight: 1, takeover };
  const healthy: TargetConfig = {
    upstream: labUpstreams.spare,
    model: `${modelPrefix}healthy`,
    priority: 1,
    weight: 1,
    takeover,
  };
  return {
    aliases: [],
    targets: setting === 'truth' ? [broken] : [broken, healthy],
    balance: 'weight',
    fallbacks: [],
    timeouts: fault.name === 'endless' ? { ...timeouts, totalMs: shortTotalMs } : timeouts,
  };
}
