import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Proxy } from '#agent/kube-proxy/proxy.ts';
import { ProxyHealth } from '#agent/kube-proxy/proxy-health.ts';
import { runProgram } from '#agent/nftables/program.ts';
import { NftSession } from '#agent/nftables/session.ts';
import type { Service } from '#shared/api/types/core-v1.ts';
import type { EndpointSlice } from '#shared/api/types/discovery-v1.ts';
import { silentLog } from '#shared/base/log.ts';
import { systemClock } from '#shared/base/system-clock.ts';

/**
 * How long the rules of services take, computing and the kernel included, in a network namespace of
 * its own: a start with 1,000 services of 5 endpoints each, then single changes, then a restart.
 */
const inside = '--inside';
const serviceCount = 1000;
const endpointCount = 5;
const changes = 20;

if (process.argv.includes(inside)) await measure();
else {
  const here = fileURLToPath(import.meta.url);
  spawnSync('unshare', ['--net', process.execPath, here, inside], { stdio: 'inherit' });
}

async function measure(): Promise<void> {
  const services = new Map<string, Service>();
  const slices = new Map<string, readonly EndpointSlice[]>();
  for (let at = 0; at < serviceCount; at++) {
    services.set(`bench/s${at}`, serviceAt(at));
    slices.set(`bench/s${at}`, [sliceAt(at, endpointCount)]);
  }
  await using session = new NftSession({ clock: systemClock });
  const start = (): Proxy =>
    new Proxy({
      settings: { nodeAddresses: ['192.0.2.1'], serviceRange: '10.96.0.0/16' },
      view: {
        service: (key) => services.get(key),
        slices: (key) => slices.get(key) ?? [],
        services: () => services.keys(),
        node: () => ({ nodeName: 'n1', zone: undefined, podRange: '10.244.1.0/24' }),
      },
      health: new ProxyHealth(systemClock),
      run: runProgram,
      session,
      log: silentLog,
    });
  const first = start();
  report('1,000 services, 5,000 endpoints, from nothing', await timed(() => first.sync()), 1000);

  const times: number[] = [];
  for (let at = 0; at < changes; at++) {
    slices.set(`bench/s${at}`, [sliceAt(at, endpointCount - 1)]);
    first.serviceChanged(`bench/s${at}`);
    times.push(await timed(() => first.sync()));
  }
  times.sort((a, b) => a - b);
  report('one endpoint gone, median of 20', times[changes / 2]!, 20);

  const second = start();
  report('a restart over what is there', await timed(() => second.sync()), 1000);
}

function report(what: string, ms: number, goalMs: number): void {
  const ratio = (goalMs / ms).toFixed(1);
  console.log(`${what}: ${ms.toFixed(1)} ms; goal ${goalMs} ms (${ratio} × as fast)`);
}

async function timed(task: () => Promise<void>): Promise<number> {
  const from = performance.now();
  await task();
  return performance.now() - from;
}

function serviceAt(at: number): Service {
  const clusterIP = `10.96.${at >> 8}.${at & 255}`;
  return {
    metadata: { namespace: 'bench', name: `s${at}` },
    spec: { clusterIP, clusterIPs: [clusterIP], ports: [{ port: 80, protocol: 'TCP' }] },
  } as unknown as Service;
}

function sliceAt(at: number, count: number): EndpointSlice {
  const addresses = Array.from({ length: count }, (_, index) => at * endpointCount + index);
  return {
    addressType: 'IPv4',
    endpoints: addresses.map((number) => ({
      addresses: [`10.244.${number >> 8}.${number & 255}`],
      conditions: { ready: true },
      nodeName: `n${number % 20}`,
    })),
    ports: [{ name: '', port: 8080, protocol: 'TCP' }],
  } as unknown as EndpointSlice;
}
