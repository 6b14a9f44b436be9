import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { root } from '../run.ts';

export interface Versioned {
  readonly file: string;
  readonly version: string | undefined;
}

/** Every place in which the version of a release is written, and in which packages of this repository name each other's. */
export function versions(): readonly Versioned[] {
  const manifests = readdirSync(path.join(root, 'packages')).flatMap((name): readonly Versioned[] => {
    const file = `packages/${name}/package.json`;
    const { version, dependencies, devDependencies } = JSON.parse(read(file)) as {
      readonly version: string;
      readonly dependencies?: Readonly<Record<string, string>>;
      readonly devDependencies?: Readonly<Record<string, string>>;
    };
    const own = Object.entries({ ...dependencies, ...devDependencies }).filter(([one]) =>
      one.startsWith('@tailrace/'),
    );
    return [
      { file, version },
      ...own.map(([one, wanted]) => ({ file: `${file} (${one})`, version: wanted })),
    ];
  });
  const { packages } = JSON.parse(read('package-lock.json')) as {
    readonly packages: Readonly<Record<string, { readonly version?: string }>>;
  };
  const locked = Object.entries(packages).filter(
    ([place]) => place.startsWith('packages/') && !place.includes('node_modules'),
  );
  const chart = 'deploy/helm/tailrace/Chart.yaml';
  const python = 'python/src/tailrace/__init__.py';
  return [
    ...manifests,
    ...locked.map(([place, { version }]) => ({ file: `package-lock.json (${place})`, version })),
    { file: python, version: /^__version__ = "(.*)"$/m.exec(read(python))?.[1] },
    { file: chart, version: /^version: (.*)$/m.exec(read(chart))?.[1] },
    { file: `${chart} (appVersion)`, version: /^appVersion: "(.*)"$/m.exec(read(chart))?.[1] },
  ];
}

function read(file: string): string {
  return readFileSync(path.join(root, file), 'utf8');
}
