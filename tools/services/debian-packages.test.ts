import { expect, test } from 'vitest';
import { installedPackages, simulatedPackages } from './debian-packages.ts';

test('the packages of a simulated installation are read without versions and architectures', () => {
  const output = [
    'Reading package lists...',
    'The following NEW packages will be installed:',
    '  libjemalloc2 redis-server',
    'Inst libjemalloc2:arm64 (5.3.0-1 Debian:12.15/oldstable [arm64])',
    'Inst redis-server [5:7.0.1-1] (5:7.0.15-1~deb12u10 Debian-Security:12/oldstable-security [amd64])',
    'Conf libjemalloc2 (5.3.0-1 Debian:12.15/oldstable [amd64])',
    '',
  ].join('\n');
  expect(simulatedPackages(output)).toEqual(['libjemalloc2', 'redis-server']);
});

test('a package of which only the settings are left is not installed', () => {
  expect([...installedPackages('installed libssl3\nconfig-files redis-server\ninstalled zlib1g\n')]).toEqual([
    'libssl3',
    'zlib1g',
  ]);
});
