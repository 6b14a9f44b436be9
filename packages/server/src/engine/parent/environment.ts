/**
 * The variables that the engine's process gets. It runs native code on texts of clients, so it gets only what the
 * loader
 * and GPU drivers need, and no key, URL or password.
 */
const allowed = new Set([
  'PATH',
  'HOME',
  'LANG',
  'LC_ALL',
  'TZ',
  'TMPDIR',
  'TEMP',
  'TMP',
  'LD_LIBRARY_PATH',
  'DYLD_LIBRARY_PATH',
  'SYSTEMROOT',
  'WINDIR',
  'CUDA_VISIBLE_DEVICES',
  'CUDA_PATH',
  'GGML_VK_VISIBLE_DEVICES',
  'VK_ICD_FILENAMES',
  'HIP_VISIBLE_DEVICES',
]);

/**
 * The environment of the engine's process. Its thread pool has one thread: two would compute at the same time and halve
 * the speed (measured: 45 instead of 98 tokens a second).
 *
 * On Linux its C library allocates huge pages, because each token reads the whole model and state
 * (`child/huge-pages.ts`). Other systems and C libraries ignore the variable.
 */
export function childEnvironment(
  source: Readonly<Record<string, string | undefined>>,
  platform: NodeJS.Platform = process.platform,
): Record<string, string> {
  const environment: Record<string, string> = {};
  for (const [name, value] of Object.entries(source)) {
    if (value !== undefined && allowed.has(name.toUpperCase())) environment[name] = value;
  }
  environment['UV_THREADPOOL_SIZE'] = '1';
  if (platform === 'linux') environment['GLIBC_TUNABLES'] = 'glibc.malloc.hugetlb=1';
  return environment;
}
