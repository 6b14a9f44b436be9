// The chart by Helm itself, what it renders by the schemas of Kubernetes, and the workflow of a release by actionlint. Both programs are
// built by `npm run soak -- --only deploy`.

import path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { findGoProgram } from '../../tools/go-programs.ts';
import { root, run, runNode } from '../../tools/run.ts';
import { createScratch } from '../support/scratch.ts';
import { deploy } from './compose-file.ts';
import { judge, withoutJudges } from './judges.ts';
import { runWithInput } from './run-with-input.ts';

const helm = findGoProgram('helm');
const withoutHelm = helm === undefined ? 'helm is not installed' : undefined;
const actionlint = findGoProgram('actionlint');
const chart = path.join(deploy, 'helm/tailrace');
/** A Helm of `go install` takes the cluster for one of years ago. */
const cluster = ['--kube-version', '1.37'];
const secret = ['--set', 'existingSecret=tailrace'];
const everything = [
  ...secret,
  ...[
    '--set',
    'autoscaling.enabled=true,serviceMonitor.enabled=true,serviceMonitor.labels.release=prometheus',
  ],
  ...[
    '--set',
    'ingress.enabled=true,ingress.host=ai.example.org,ingress.tlsSecret=tls,ingress.className=nginx',
  ],
  ...['--set', 'config.engine.enabled=true,data.storageClass=fast,image.tag=1.2.3'],
  ...['--set', 'config.server.public_url=https://ai.example.org,imagePullSecrets[0].name=pull'],
];

interface Resource {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec?: Readonly<Record<string, unknown>>;
  readonly data?: Readonly<Record<string, string>>;
}

async function render(
  args: readonly string[],
): Promise<{ readonly text: string; readonly resources: readonly Resource[] }> {
  const ran = await run(helm ?? '', ['template', 'ha', chart, ...cluster, ...args]);
  expect(ran).toMatchObject({ code: 0 });
  const documents = parseAllDocuments(ran.output) as { toJS(): unknown }[];
  return {
    text: ran.output,
    resources: documents.map((one) => one.toJS() as Resource).filter((one) => one !== null),
  };
}

describe.skipIf(withoutHelm !== undefined)(
  `the chart${withoutHelm === undefined ? '' : ` (skipped: ${withoutHelm}; npm run soak -- --only deploy builds it)`}`,
  () => {
    test('helm lint finds nothing', async () => {
      const ran = await run(helm ?? '', ['lint', '--strict', chart, ...cluster, ...everything]);
      expect(ran).toMatchObject({ code: 0 });
      expect(ran.output).not.toMatch(/\[(WARNING|ERROR)\]/);
    });

    test.skipIf(withoutJudges !== undefined)('what it renders fits the schemas of Kubernetes', async () => {
      const script = path.join(import.meta.dirname, 'judge-kubernetes.py');
      for (const [args, kinds] of [
        [secret, ['ConfigMap', 'PodDisruptionBudget', 'Service', 'Service', 'ServiceAccount', 'StatefulSet']],
        [
          everything,
          [
            ...['ConfigMap', 'HorizontalPodAutoscaler', 'Ingress', 'PodDisruptionBudget'],
            ...['Service', 'Service', 'ServiceAccount', 'ServiceMonitor', 'StatefulSet'],
          ],
        ],
      ] as const) {
        const { text, resources } = await render(args);
        expect(resources.map(({ kind }) => kind).toSorted()).toEqual(kinds);
        const judged = await runWithInput(judge('python'), [script], text);
        expect(judged).toMatchObject({ code: 0 });
        const unknown = judged.output
          .split('\n')
          .filter((line) => line !== '' && !line.includes(': valid in'));
        expect(unknown).toEqual(
          kinds.includes('ServiceMonitor' as never) ? ['ServiceMonitor ha-tailrace: no schema'] : [],
        );
      }
    });

    test('its configuration is one that a server takes, and its pods have time to drain', async () => {
      const scratch = createScratch('chart');
      onTestFinished(() => scratch.remove());
      for (const args of [secret, everything]) {
        const { resources } = await render(args);
        const config = resources.find(({ kind }) => kind === 'ConfigMap')?.data?.['tailrace.yaml'] ?? '';
        const file = scratch.write('tailrace.yaml', config);
        const env = { TAILRACE_API_KEY: 'tr_a', TAILRACE_ADMIN_KEY: 'tr_b', TAILRACE_LISTEN: '0.0.0.0:7245' };
        const checked = await runNode(
          'packages/server/src/cli/main.ts',
          ['config', 'check', '--config', file],
          { env },
        );
        expect(checked).toMatchObject({ code: 0 });
      }
    });

    test('each replica knows how many there may be, but where the configuration says it', async () => {
      for (const [args, replicas] of [
        [['--set', 'replicas=5'], 5],
        [['--set', 'autoscaling.enabled=true,autoscaling.maxReplicas=12'], 12],
        [['--set', 'config.limits.replicas=4'], 4],
        [['--set', 'config.limits=null'], 3],
      ] as const) {
        const { resources } = await render([...secret, ...args]);
        const config = resources.find(({ kind }) => kind === 'ConfigMap')?.data?.['tailrace.yaml'] ?? '';
        expect(parse(config), args.join(' ')).toMatchObject({ limits: { replicas } });
      }
    });

    test('it refuses values that would break streams, start without keys, or are misspelt', async () => {
      for (const [args, reason] of [
        [[], /existingSecret/],
        [
          [...secret, '--set', 'terminationGracePeriodSeconds=35'],
          /has to be longer than .* together \(35 s\)/,
        ],
        [[...secret, '--set', 'config.timeouts.drain=2m'], /has to be longer than .* together \(125 s\)/],
        [[...secret, '--set', 'config.server.listen=0.0.0.0:1'], /config\/server|config\.server|not/],
        [[...secret, '--set', 'replica=4'], /replica/],
        [[...secret, '--set', 'ingress.enabled=true'], /host/],
      ] as const) {
        const ran = await run(helm ?? '', ['template', 'ha', chart, ...cluster, ...args]);
        expect(ran.code, args.join(' ')).not.toBe(0);
        expect(ran.output, args.join(' ')).toMatch(reason);
      }
    });
  },
);

test.skipIf(actionlint === undefined)(
  `actionlint finds nothing in the workflows${actionlint === undefined ? ' (skipped: actionlint is not installed; npm run soak -- --only deploy builds it)' : ''}`,
  async () => {
    expect(
      await run(actionlint ?? '', ['-no-color', path.join(root, '.github/workflows/release.yml')]),
    ).toMatchObject({
      code: 0,
      output: '',
    });
  },
);
