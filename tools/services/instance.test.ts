import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { type InstancePlace, type ServiceInstance, startInstance } from './instance.ts';
import { markedProcesses } from './marked-processes.ts';
import { askFake, fakeKind } from './testing/fake-kind.ts';

describe.skipIf(process.platform !== 'linux')('an instance of a service (Linux only: it needs /proc)', () => {
  test('comes back on its port with its data after kill -9', async () => {
    const { instance, place } = await started();
    expect(await askFake(instance.port)).toBe('1');
    await instance.kill();
    expect(markedProcesses(place.mark)).toEqual([]);
    expect(await askFake(instance.port)).toBe('');
    await instance.start();
    expect(await askFake(instance.port)).toBe('2');
  });

  test('accepts connections while it is frozen, and answers them afterwards', async () => {
    const { instance } = await started();
    instance.freeze();
    let answered = false;
    const asked = askFake(instance.port).finally(() => {
      answered = true;
    });
    await sleep(100);
    expect(answered).toBe(false);
    instance.thaw();
    expect(await asked).toBe('1');
  });

  test('ends with its folder, also while it is frozen', async () => {
    const { instance, place } = await started();
    instance.freeze();
    await instance.remove();
    expect(existsSync(place.folder)).toBe(false);
    expect(markedProcesses(place.mark)).toEqual([]);
  });

  test('that does not start says why, and leaves no folder', async () => {
    let folder = '';
    const kind = fakeKind((place) => {
      folder = place.folder;
    }, 'torn');
    await expect(startInstance(kind)).rejects.toThrow(
      /Fake does not start \(exit 3\)\nthe file of starts is torn/,
    );
    expect(existsSync(folder)).toBe(false);
  });

  test.each(['SIGINT', 'SIGKILL'] as const)('ends when its owner ends by %s', async (signal) => {
    const owner = spawn(process.execPath, [path.join(import.meta.dirname, 'testing/owner.ts')], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    onTestFinished(() => {
      owner.kill('SIGKILL');
    });
    const [line] = (await once(owner.stdout, 'data')) as [Buffer];
    const folder = line.toString().trim();
    expect(markedProcesses(path.basename(folder))).toHaveLength(1);
    owner.kill(signal);
    await vi.waitFor(() => expect(existsSync(folder)).toBe(false), 8_000);
    expect(markedProcesses(path.basename(folder))).toEqual([]);
  });
});

async function started(): Promise<{ instance: ServiceInstance; place: InstancePlace }> {
  const places: InstancePlace[] = [];
  const instance = await startInstance(fakeKind((place) => places.push(place)));
  onTestFinished(() => instance.remove());
  const [place] = places;
  if (place === undefined) throw new Error('an instance without a place');
  return { instance, place };
}
