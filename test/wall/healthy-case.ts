import { type FaultCase, faultCases } from './columns.ts';

/** The wall without a fault: every whole answer has the text of this one. */
export const healthyCase: FaultCase = spelt('healthy');

function spelt(spelling: string): FaultCase {
  const found = faultCases.find((one) => one.spelling === spelling);
  if (found === undefined) throw new Error(`there is no fault ${spelling}`);
  return found;
}
