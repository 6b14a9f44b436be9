import { describe } from 'vitest';
import { testAdmission } from './suites/admission.suite.ts';
import { testContents } from './suites/contents.suite.ts';
import { testDeadProcesses } from './suites/dead-processes.suite.ts';
import { testKeys } from './suites/keys.suite.ts';
import { testOutbox } from './suites/outbox.suite.ts';
import { testRetirement } from './suites/retirement.suite.ts';
import { testSettlement } from './suites/settlement.suite.ts';
import { testTransfer } from './suites/transfer.suite.ts';
import { testUsage } from './suites/usage.suite.ts';
import type { StoreCase } from './testing/store-case.ts';

/** The tests that every store must pass. */
export function describeStore(name: string, storeCase: StoreCase): void {
  describe.skipIf(storeCase.skipped !== undefined)(
    storeCase.skipped === undefined ? name : `${name} (skipped: ${storeCase.skipped})`,
    () => {
      testKeys(storeCase);
      testAdmission(storeCase);
      testSettlement(storeCase);
      testDeadProcesses(storeCase);
      testUsage(storeCase);
      testRetirement(storeCase);
      testOutbox(storeCase);
      testTransfer(storeCase);
      testContents(storeCase);
    },
  );
}
