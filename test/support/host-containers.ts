import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startStreamingServer, type StreamingServer } from './streaming-server.ts';
import type { ContainerRuntime } from '#agent/container-runtime/index.ts';
import type { PodDirectory } from '#agent/kubelet/pod-directory.ts';
import type { Pod } from '#shared/api/types/core-v1.ts';

export interface HostContainers extends AsyncDisposable {
  readonly directory: PodDirectory;
  readonly runtime: ContainerRuntime;
  /** Puts lines into a container's log, each stamped with the second of its number. */
  writeLog(uid: string, container: string, lines: readonly string[]): void;
}

/** Containers that are none: what would run in them runs on this machine. */
export async function startHostContainers(
  folder: string,
  pods: readonly Pod[],
): Promise<HostContainers> {
  const streaming = await startStreamingServer();
  const directory = podDirectory(folder, pods);
  return {
    directory,
    runtime: hostRuntime(streaming, pods),
    writeLog(uid, container, lines) {
      const { logPath } = directory.container(uid, container)!;
      const text = lines.map((line, at) => `${timeOf(at)} stdout F ${line}\n`).join('');
      writeFileSync(logPath, text, { flag: 'a' });
    },
    [Symbol.asyncDispose]: () => streaming[Symbol.asyncDispose](),
  };
}

function timeOf(second: number): string {
  return `2026-01-01T00:00:${String(second % 60).padStart(2, '0')}.000000001Z`;
}

function podDirectory(folder: string, pods: readonly Pod[]): PodDirectory {
  mkdirSync(folder, { recursive: true });
  const named = (uid: string, name: string): Pod | undefined =>
    pods.find(
      (pod) =>
        pod.metadata.uid === uid &&
        pod.spec.containers.some((container) => container.name === name),
    );
  return {
    pods: () => pods,
    find: (namespace, name) =>
      pods.find(({ metadata }) => metadata.namespace === namespace && metadata.name === name),
    sandboxId: (uid) => `sandbox-${uid}`,
    container(uid, name, { previous = false } = {}) {
      if (previous || !named(uid, name)) return undefined;
      return { id: `${uid}-${name}`, logPath: join(folder, `${uid}-${name}.log`), running: true };
    },
  };
}

const value = (number: number) => ({ value: number });
const timestamp = 1_795_257_659_832_000_000n;

/** As much of a container runtime as a kubelet's server asks. */
function hostRuntime({ port }: StreamingServer, pods: readonly Pod[]): ContainerRuntime {
  const url = (what: string, asked: object): { readonly url: string } => {
    const query = new URLSearchParams();
    const { cmd = [], stdin, stdout, stderr, tty } = asked as Record<string, unknown>;
    for (const word of cmd as string[]) query.append('command', word);
    for (const [name, isOn] of Object.entries({
      input: stdin,
      output: stdout,
      error: stderr,
      tty,
    })) {
      if (isOn) query.set(name, '1');
    }
    return { url: `http://127.0.0.1:${port}/${what}?${query}` };
  };
  const containers = pods.flatMap(({ metadata, spec }) =>
    spec.containers.map(({ name }) => ({
      attributes: {
        id: `${metadata.uid}-${name}`,
        labels: { 'io.kubernetes.pod.uid': metadata.uid, 'io.kubernetes.container.name': name },
      },
      cpu: { timestamp, usageCoreNanoSeconds: value(42_584_839) },
      memory: { timestamp, workingSetBytes: value(8_990_720), usageBytes: value(9_000_000) },
      writableLayer: { timestamp, usedBytes: value(4096), inodesUsed: value(2) },
    })),
  );
  const runtime = {
    exec: async (asked: object) => url('exec', asked),
    attach: async (asked: object) => url('attach', asked),
    portForward: async (asked: object) => url('portForward', asked),
    execSync: ({ cmd }: { cmd: readonly string[] }) =>
      new Promise((resolve) => {
        const options = { encoding: 'buffer' } as const;
        execFile(cmd[0]!, cmd.slice(1), options, (error, stdout, stderr) =>
          resolve({ stdout, stderr, exitCode: error ? Number(error.code) : 0 }),
        );
      }),
    listContainerStats: async () => ({ stats: containers }),
    listPodSandboxStats: async () => ({ stats: [] }),
    imageFsInfo: async () => ({
      imageFilesystems: [{ fsId: { mountpoint: '/' }, usedBytes: value(1), inodesUsed: value(1) }],
    }),
    listPodSandbox: async () => ({
      items: pods.map(({ metadata }) => ({ id: `sandbox-${metadata.uid}`, metadata })),
    }),
    listContainers: async () => ({ containers: [] }),
  };
  return runtime as unknown as ContainerRuntime;
}
