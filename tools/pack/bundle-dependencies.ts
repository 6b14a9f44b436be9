import { readdir, readFile, writeFile } from 'node:fs/promises';
import { builtinModules } from 'node:module';
import path from 'node:path';
import { build } from 'rolldown';

/** A module that compiled code names: `import … from 'x'`, `export … from 'x'`, `import('x')`, `import 'x'`. */
const named = /(\bfrom |\bimport |\bimport\()(['"])([^'"\n]+)\2/g;
const builtins = new Set(builtinModules);

export interface Bundled {
  /** The folders of the packages whose code is now in the built one. */
  readonly folders: readonly string[];
}

/**
 * Puts the code of these packages into `dist/bundled`, and has the compiled files import it from there. What two of them share is
 * there once; what they need of `dependencies` stays an import.
 */
export async function bundleDependencies(
  dist: string,
  from: string,
  packages: ReadonlySet<string>,
  dependencies: ReadonlySet<string>,
): Promise<Bundled> {
  const files = (await readdir(dist, { recursive: true }))
    .filter((file) => file.endsWith('.js'))
    .map((file) => path.join(dist, file));
  const texts = new Map<string, string>();
  for (const file of files) texts.set(file, await readFile(file, 'utf8'));
  const wanted = new Set(
    [...texts.values()]
      .flatMap((text) => [...text.matchAll(named)].map(([, , , name = '']) => name))
      .filter((name) => packages.has(packageOf(name))),
  );
  const into = path.join(dist, 'bundled');
  const folders = await bundle(wanted, into, from, dependencies);
  for (const [file, text] of texts) {
    const rewritten = text.replaceAll(named, (whole, before: string, quote: string, name: string) =>
      wanted.has(name) ? `${before}${quote}${relative(file, path.join(into, fileOf(name)))}${quote}` : whole,
    );
    if (rewritten !== text) await writeFile(file, rewritten);
  }
  return { folders };
}

async function bundle(
  names: ReadonlySet<string>,
  into: string,
  from: string,
  dependencies: ReadonlySet<string>,
): Promise<readonly string[]> {
  // The names that a package exports, also one in CommonJS, of which a bundler alone would export only a default.
  const entries = new Map<string, string>();
  for (const name of names) {
    const exported = Object.keys((await import(name)) as object).filter((one) =>
      /^[A-Za-z_$][\w$]*$/.test(one),
    );
    entries.set(`bundled:${name}`, `export { ${exported.join(', ')} } from ${JSON.stringify(name)};`);
  }
  const { output } = await build({
    cwd: from,
    input: Object.fromEntries([...names].map((name) => [fileOf(name).slice(0, -3), `bundled:${name}`])),
    platform: 'node',
    resolve: { conditionNames: ['tailrace-source', 'node', 'import', 'default'] },
    external: (name) => name.startsWith('node:') || builtins.has(name) || dependencies.has(packageOf(name)),
    plugins: [
      {
        name: 'entries',
        async resolveId(id, importer) {
          if (entries.has(id)) return id;
          // An entry lies nowhere: what it names is found from the package's own folder.
          return importer !== undefined && entries.has(importer)
            ? await this.resolve(id, path.join(from, 'package.json'), { skipSelf: true })
            : null;
        },
        load: (id) => entries.get(id) ?? null,
      },
    ],
    output: {
      dir: into,
      format: 'esm',
      entryFileNames: '[name].js',
      chunkFileNames: 'shared/[name]-[hash].js',
    },
  });
  const modules = output.flatMap((file) => (file.type === 'chunk' ? Object.keys(file.modules) : []));
  return [...new Set(modules.flatMap((id) => folderOf(id) ?? []))].toSorted();
}

/** The folder of the package of a module, where it is one of node_modules. */
function folderOf(id: string): string | undefined {
  return /^(.*\/node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(id)?.[1];
}

function packageOf(name: string): string {
  return name
    .split('/')
    .slice(0, name.startsWith('@') ? 2 : 1)
    .join('/');
}

/** `@tailrace/protocol` → `tailrace-protocol.js`. */
function fileOf(name: string): string {
  return `${name.replace(/^@/, '').replaceAll('/', '-')}.js`;
}

function relative(file: string, target: string): string {
  const way = path.relative(path.dirname(file), target).split(path.sep).join('/');
  return way.startsWith('.') ? way : `./${way}`;
}
