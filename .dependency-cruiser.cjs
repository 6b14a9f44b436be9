'use strict';

/*
 * Who may know whom (ARCHITECTURE.md). A room imports only rooms of a lower rank, and contracts; so a reader who
 * opens a file knows what cannot be behind it. TypeScript 7 has no JavaScript API: swc parses.
 */

const rooms = [
  { name: 'domain', rank: 0 },
  { name: 'timers', rank: 0 },
  { name: 'sockets', rank: 0 },
  { name: 'redis', rank: 0 },
  { name: 'channels', rank: 0 },
  { name: 'wire', rank: 1 },
  { name: 'config', rank: 1 },
  { name: 'telemetry', rank: 1 },
  { name: 'worker', rank: 1 },
  { name: 'json-schema', rank: 1 },
  { name: 'grammar', rank: 1 },
  { name: 'models', rank: 2 },
  { name: 'storage', rank: 2 },
  { name: 'limits', rank: 2 },
  { name: 'journal', rank: 2 },
  { name: 'peers', rank: 2 },
  { name: 'transport', rank: 2 },
  { name: 'upstreams', rank: 2 },
  { name: 'engine', rank: 2 },
  { name: 'routing', rank: 3 },
  { name: 'access', rank: 3 },
  { name: 'ledger', rank: 3 },
  { name: 'metering', rank: 4 },
  { name: 'relay', rank: 4 },
  { name: 'http', rank: 5 },
  { name: 'wall', rank: 5 },
  { name: 'console', rank: 5 },
  { name: 'docs', rank: 5 },
  { name: 'fault-lab', rank: 5 },
];

const server = '^packages/server/src';
const test = '(\\.(test|suite|bench)\\.ts$|/testing/)';
// The seams: types that both sides know, whatever their rank.
const contract = `${server}/[^/]+/contract\\.ts$`;
const presets = `${server}/upstreams/openai/presets?\\.ts$`;

// Of one rank, and yet one knows the other. Each with its reason.
const neighbours = new Map([
  // What of a file is secret, and which words of its parser may stand in a message, the log decides.
  ['config', ['telemetry']],
  // A caller's schema may take for ever to compile or to check: both run on the thread that can be ended.
  ['json-schema', ['worker']],
  ['grammar', ['worker']],
  // How a provider is reached is the same for all of them.
  ['upstreams', ['transport']],
  // The page is served by routes as everything else is.
  ['console', ['http']],
  ['docs', ['http']],
  // Its models are those of the wall, and are asked for as all others are.
  ['fault-lab', ['http', 'wall']],
]);

// Single files that a room of lower rank knows. Each with its reason.
const files = new Map([
  // The names of the presets stand once, in the table of their rows. The table is data: see `presets-are-data`.
  ['config', [presets]],
]);

function rankRule({ name, rank }) {
  const allowed = rooms
    .filter((other) => other.name === name || other.rank < rank)
    .map((other) => other.name);
  const known = allowed.concat(neighbours.get(name) || []);
  return {
    name: `rank-of-${name}`,
    comment: `${name}/ is of rank ${rank} and knows only lower ranks: what is built on it must be free to change.`,
    severity: 'error',
    from: { path: `${server}/${name}/`, pathNot: test },
    to: {
      path: `${server}/`,
      pathNot: [`${server}/(${known.join('|')})/`, contract, ...(files.get(name) || [])],
    },
  };
}

/** The folders of a room from the lowest to the highest: each knows itself and those before it. */
function foldersInOrder(room, folders) {
  return folders.map((folder, index) => ({
    name: `${room}-${folder}`,
    comment: `${room}/${folder}/ knows only the folders below it: ${folders.slice(0, index).join(', ') || 'none'}.`,
    severity: 'error',
    from: { path: `${server}/${room}/${folder}/`, pathNot: test },
    to: {
      path: `${server}/${room}/`,
      pathNot: `${server}/${room}/(${folders.slice(0, index + 1).join('|')})/`,
    },
  }));
}

module.exports = {
  forbidden: [
    ...rooms.map(rankRule),
    {
      name: 'no-circle',
      comment: 'Two files that need each other are one file, or lack a third below them.',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'protocol-stands-alone',
      comment:
        'Both ends of the wire and the browser load packages/protocol: no dependency, not even on Node.',
      severity: 'error',
      from: { path: '^packages/protocol/src', pathNot: test },
      to: { pathNot: '^packages/protocol/src' },
    },
    {
      name: 'protocol-by-its-door',
      comment: 'What packages/protocol exports is its index; its files are its own.',
      severity: 'error',
      from: { path: `${server}|^tools/|^packages/(playground|client|conformance)/` },
      to: { path: '^packages/protocol/src/', pathNot: '^packages/protocol/src/index\\.ts$' },
    },
    {
      name: 'client-apart',
      comment:
        'The client runs in every runtime with Web APIs: nothing of Node, and of this repository what both ends of the wire share.',
      severity: 'error',
      from: { path: '^packages/client/src', pathNot: test },
      to: { path: '.', pathNot: ['^packages/(client|protocol)/src/', '^node_modules/'] },
    },
    {
      name: 'conformance-knows-the-protocol-only',
      comment:
        'It judges any endpoint, Tailrace too: with code of the server it could not find a mistake in that code. It shares what both ends of the wire share.',
      severity: 'error',
      from: { path: '^packages/conformance/src', pathNot: test },
      to: {
        path: '.',
        pathNot: '^packages/(conformance|protocol)/src/',
        dependencyTypesNot: ['core'],
      },
    },
    {
      name: 'conformance-by-its-door',
      comment: 'What packages/conformance exports is its index; its files are its own.',
      severity: 'error',
      from: { path: `${server}|^tools/` },
      to: { path: '^packages/conformance/src/', pathNot: '^packages/conformance/src/index\\.ts$' },
    },
    {
      name: 'page-apart',
      comment:
        'The page runs in a browser and speaks HTTP like any client: of this repository it knows what both ends of the wire share.',
      severity: 'error',
      from: { path: '^packages/playground/src', pathNot: test },
      to: {
        path: '.',
        pathNot: ['^packages/(playground|protocol)/src/', '^node_modules/'],
      },
    },
    {
      name: 'docs-apart',
      comment:
        'The docs are made of Markdown, and shown in a browser: of the page they share the look, the colours of code, and how a tab asks the server.',
      severity: 'error',
      from: { path: '^packages/docs/', pathNot: test },
      to: {
        path: '.',
        pathNot: [
          '^packages/docs/',
          '^packages/playground/(describe-file\\.ts|src/(api|code-text|styles)/)',
          '^node_modules/',
        ],
        dependencyTypesNot: ['core'],
      },
    },
    {
      name: 'chat-without-look',
      comment:
        'What the page knows and does is tested without a browser: it knows neither React nor the views.',
      severity: 'error',
      from: { path: '^packages/playground/src/(api|chat|signals/signal\\.ts)', pathNot: test },
      to: {
        path: ['^packages/playground/src/', 'node_modules/(@types/)?react'],
        pathNot: '^packages/playground/src/(api|chat)/|/signals/signal\\.ts$|/json/[^/]*\\.ts$',
      },
    },
    {
      name: 'native-by-one-file',
      comment: 'node-llama-cpp loads native code into the process: only in the child, and through one file.',
      severity: 'error',
      from: { path: '^(packages|tools)/', pathNot: `${server}/engine/child/native\\.ts$` },
      to: { path: 'node-llama-cpp' },
    },
    {
      name: 'engine-child-alone',
      comment:
        'The child knows nothing of the server: no configuration, no keys, no code that could read them. The room worker/ knows none of these either.',
      severity: 'error',
      from: { path: `${server}/engine/child/`, pathNot: test },
      to: { path: `${server}/`, pathNot: `${server}/(engine/(child|between)|domain|worker)/` },
    },
    {
      name: 'engine-parent-without-child',
      comment:
        'The child runs in a process of its own: the server starts its file by fork and must not load its code.',
      severity: 'error',
      from: { path: `${server}/engine/parent/`, pathNot: test },
      to: { path: `${server}/engine/child/` },
    },
    {
      name: 'engine-between-alone',
      comment:
        'Both processes load these files: they know neither of the two, and none of the server’s rooms but domain/.',
      severity: 'error',
      from: { path: `${server}/engine/between/`, pathNot: test },
      to: { path: `${server}/`, pathNot: `${server}/(engine/between|domain)/` },
    },
    {
      name: 'grammar-by-its-door',
      comment: 'Other rooms know the files at the top of grammar/; its folders are its own.',
      severity: 'error',
      from: { path: server, pathNot: [`${server}/grammar/`, test] },
      to: { path: `${server}/grammar/[^/]+/` },
    },
    ...foldersInOrder('grammar', ['automata', 'rules', 'schema', 'expressions', 'compile']),
    {
      name: 'adapters-apart',
      comment:
        'One folder a provider: its quirks stay in it. What two of them share belongs in upstreams/http.',
      severity: 'error',
      from: { path: `${server}/upstreams/([^/]+)/`, pathNot: test },
      to: {
        path: `${server}/upstreams/([^/]+)/`,
        pathNot: [`${server}/upstreams/$1/`, `${server}/upstreams/http/`],
      },
    },
    {
      name: 'providers-by-the-registry',
      comment:
        'A provider is named in the registry and nowhere else; every other file holds an Upstream. The configuration takes the names of presets from their table.',
      severity: 'error',
      from: {
        path: server,
        pathNot: [`${server}/upstreams/[^/]+/`, `${server}/upstreams/registry\\.ts$`, test],
      },
      to: { path: `${server}/upstreams/[^/]+/`, pathNot: presets },
    },
    {
      name: 'presets-are-data',
      comment: 'The table of presets is read by the configuration too: it knows only what both may know.',
      severity: 'error',
      from: { path: presets },
      to: { path: `${server}/`, pathNot: [`${server}/domain/`, presets] },
    },
    {
      name: 'transport-for-adapters',
      comment:
        'Only adapters talk to providers: whoever else opened a connection would go around their deadlines.',
      severity: 'error',
      from: { path: server, pathNot: [`${server}/(transport|upstreams)/`, test] },
      to: { path: `${server}/transport/` },
    },
    {
      name: 'wall-apart',
      comment:
        'The wall judges the relay, so it imports none of the rooms that make an answer: it could not find a mistake in code that it uses itself. It shares JSON types, durations and addresses.',
      severity: 'error',
      from: { path: `${server}/wall/`, pathNot: test },
      to: { path: `${server}/`, pathNot: `${server}/(wall|domain|config)/` },
    },
    {
      name: 'service-without-cli',
      comment:
        'The server lives the same way whatever starts it: a command reads flags, calls service/ and prints.',
      severity: 'error',
      from: { path: `${server}/(app\\.ts$|service/)`, pathNot: test },
      to: { path: `${server}/cli/` },
    },
    {
      name: 'cli-joins-no-rooms',
      comment: 'cli/ reads flags and prints. Rooms are built and joined in app.ts and service/ only.',
      severity: 'error',
      from: { path: `${server}/cli/`, pathNot: test },
      to: { path: `${server}/(app\\.ts$|(access|engine|http|relay|routing|transport|upstreams|wire)/)` },
    },
    {
      name: 'relay-without-http',
      comment:
        'A run writes to a reader; that a socket is behind it is the route’s affair. Tests use an array.',
      severity: 'error',
      from: { path: `${server}/relay/`, pathNot: test },
      to: { path: '^(node:)?(http|https|net|http2)$' },
    },
    {
      name: 'relay-without-surfaces',
      comment: 'A run never learns which surface it serves: it knows the seam only.',
      severity: 'error',
      from: { path: `${server}/relay/`, pathNot: test },
      to: { path: `${server}/wire/[^/]+/` },
    },
    {
      name: 'routing-without-http',
      comment: 'Routing never learns that there is HTTP: its machine is tested without sockets.',
      severity: 'error',
      from: { path: `${server}/routing/`, pathNot: test },
      to: { path: '^(node:)?(http|https|net|http2)$' },
    },
    {
      name: 'domain-is-pure',
      comment: 'The central types know neither Node nor any library.',
      severity: 'error',
      from: { path: `${server}/domain/`, pathNot: test },
      to: { dependencyTypes: ['core', 'npm', 'npm-dev'] },
    },
    {
      name: 'launcher-stands-alone',
      comment: 'The launcher runs before any package is installed, on a Node that cannot read the sources.',
      severity: 'error',
      from: { path: '^launch/', pathNot: test },
      to: { path: '.', pathNot: '^launch/[^/]+\\.cjs$', dependencyTypesNot: ['core'] },
    },
    {
      name: 'no-test-in-production',
      comment: 'What is published must not need what is not: tests, fakes, and the tools of this repository.',
      severity: 'error',
      from: { path: '^packages/[^/]+/src', pathNot: [test, '/fake-[^/]*\\.ts$'] },
      to: { path: [test, '^(test|tools|bench)/', '/fake-[^/]*\\.ts$', 'node_modules/(vitest|fast-check)'] },
    },
    {
      name: 'declared-dependencies',
      comment:
        'A package imports what its own package.json names; the root’s dependencies are not installed with it. knip checks packages of this workspace.',
      severity: 'error',
      from: { path: '^packages/[^/]+/src', pathNot: test },
      to: {
        pathNot: '^packages/[^/]+/src/',
        dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown', 'unknown', 'undetermined'],
        // What the app that uses a package has beside it; here it is a devDependency too.
        dependencyTypesNot: ['npm-peer'],
      },
    },
    {
      name: 'resolvable',
      comment: 'An import that leads nowhere.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    parser: 'swc',
    doNotFollow: { path: 'node_modules' },
    // Tests may know everything, so they are not read at all; swc’s walker also stumbles over `using` in them.
    exclude: { path: ['^packages/[^/]+/dist/', '/fixtures/', '\\.(test|suite|bench)\\.ts$'] },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      extensions: ['.ts', '.tsx', '.js', '.cjs', '.mjs'],
      exportsFields: ['exports'],
      conditionNames: ['tailrace-source', 'import', 'node', 'default', 'types'],
    },
  },
};
