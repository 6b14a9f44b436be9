import { describeUpstream } from '../../upstreams/contract.suite.ts';
import { startScenarioEngine } from './testing/scenario-engine.ts';

describeUpstream('the engine over a scripted child', async () => {
  const { engine, ...harness } = await startScenarioEngine();
  return { upstream: engine, ...harness };
});
