import { faults } from '../../packages/server/src/wall/catalogue.ts';
import type { Fault } from '../../packages/server/src/wall/fault.ts';

/** The wall without a fault: every whole answer has the text of this one. */
export const healthyFault: Fault = named('healthy');

function named(name: string): Fault {
  const fault = faults.find((one) => one.name === name);
  if (fault === undefined) throw new Error(`there is no fault ${name}`);
  return fault;
}
