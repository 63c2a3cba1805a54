import { readFile } from 'node:fs/promises';
import * as v from 'valibot';
import type { SharedInformers } from '#agent/api/shared-informers.ts';
import { defaultThresholds, isThreshold, signalNames } from './kubelet/eviction/signals.ts';
import type { Clock } from '#shared/base/clock.ts';
import type { Log } from '#shared/base/log.ts';
import type { Cluster } from '#shared/client/cluster.ts';
import { firstOfEachFamily } from '#shared/kube/ip.ts';

const taint = v.strictObject({
  key: v.string(),
  value: v.optional(v.string()),
  effect: v.picklist(['NoSchedule', 'PreferNoSchedule', 'NoExecute']),
});

const schema = v.strictObject({
  nodeName: v.string(),
  /** The node's InternalIPs: one, or one of each family. */
  nodeAddresses: v.pipe(
    v.array(v.pipe(v.string(), v.ip())),
    v.minLength(1),
    v.check(
      (addresses) => firstOfEachFamily(addresses).length === addresses.length,
      'A node has one address of each family; leave out the others',
    ),
  ),
  /**
   * The API server as this node and its pods reach it: an address that is no loopback's, so that
   * kube-proxy may lead `kubernetes.default` there.
   */
  server: v.strictObject({
    host: v.string(),
    port: v.number(),
    /** `tunnel`: the agent itself listens there and carries what comes to the desktop. */
    way: v.optional(v.picklist(['direct', 'tunnel']), 'direct'),
  }),
  /** PEM files: the cluster's authority, and what this node shows as client and as server. */
  pki: v.strictObject({
    authority: v.string(),
    certificate: v.string(),
    key: v.string(),
    servingCertificate: v.string(),
    servingKey: v.string(),
  }),
  clusterDomain: v.optional(v.string(), 'cluster.local'),
  clusterDns: v.optional(v.pipe(v.string(), v.ip()), '10.96.0.10'),
  serviceRange: v.optional(v.string(), '10.96.0.0/16'),
  /** Of the whole cluster; this node's own part stands in its Node's `spec.podCIDR`. */
  podRange: v.optional(v.string(), '10.244.0.0/16'),
  /** What the node registers with, besides what it finds out about itself. */
  labels: v.optional(v.record(v.string(), v.string()), {}),
  taints: v.optional(v.array(taint), []),
  runtimeEndpoint: v.optional(v.string(), 'unix:///run/containerd/containerd.sock'),
  folders: v.optional(
    v.strictObject({
      state: v.optional(v.string(), '/var/lib/pilothouse'),
      run: v.optional(v.string(), '/run/pilothouse'),
      kubelet: v.optional(v.string(), '/var/lib/kubelet'),
      podLogs: v.optional(v.string(), '/var/log/pods'),
    }),
    {},
  ),
  /** Below what the node ends pods: amounts or percentages, as in a KubeletConfiguration. */
  evictionHard: v.optional(
    v.record(v.picklist(signalNames), v.pipe(v.string(), v.check(isThreshold, 'no quantity'))),
    defaultThresholds,
  ),
  logLevel: v.optional(v.picklist(['debug', 'info', 'warn', 'error']), 'info'),
});

/** What an agent is told about its node and cluster; provisioning writes it, nothing changes it while it runs. */
export type AgentSettings = v.InferOutput<typeof schema>;

/** What every part of the agent is made with. */
export interface AgentParts {
  readonly settings: AgentSettings;
  /** The API as `system:node:NAME`. It may be out of reach at any time, for as long as it takes. */
  readonly cluster: Cluster;
  readonly clock: Clock;
  readonly log: Log;
}

/** The same for those that look at whole kinds of the cluster. */
export interface WatchingParts extends AgentParts {
  readonly informers: SharedInformers;
}

/** Reads the settings file; throws an error that names what is wrong in it. */
export async function readAgentSettings(path: string): Promise<AgentSettings> {
  const parsed = v.safeParse(schema, JSON.parse(await readFile(path, 'utf8')));
  if (parsed.success) return parsed.output;
  const problems = parsed.issues.map((issue) => `${v.getDotPath(issue) ?? ''}: ${issue.message}`);
  throw new Error(
    `Cannot use ${path}: ${problems.join('; ')}; add the node again to write it anew`,
  );
}
