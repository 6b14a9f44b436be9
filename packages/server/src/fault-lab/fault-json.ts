import { faultGroups } from '../wall/catalogue.ts';
import type { Fault, Outcome } from '../wall/fault.ts';
import { labModelId } from './lab-models.ts';
import { settings } from './settings.ts';

/** A group of faults, as `GET /v1/fault-lab` has it. */
export interface FaultGroupJson {
  readonly title: string;
  readonly faults: readonly FaultJson[];
}

export interface FaultJson {
  readonly name: string;
  /** What the upstream does. */
  readonly description: string;
  /** What may stand behind a colon at the end of the model's id, in words; null where nothing may. */
  readonly parameter: string | null;
  /** Fields that a request needs to get this fault. */
  readonly asks: object;
  readonly models: readonly {
    readonly id: string;
    readonly setting: string;
    /** How a streaming answer ends. */
    readonly expected: Outcome;
  }[];
}

export function faultGroupsJson(): readonly FaultGroupJson[] {
  return faultGroups.map(({ title, faults }) => ({ title, faults: faults.map(faultJson) }));
}

function faultJson(fault: Fault): FaultJson {
  const { name, description, parameter, asks } = fault;
  return {
    name,
    description,
    parameter: parameter === undefined ? null : parameter.means,
    asks: asks ?? {},
    models: settings.map((setting) => ({
      id: labModelId(setting.name, fault),
      setting: setting.name,
      expected: fault.expected[setting.expected].streaming,
    })),
  };
}
