import type { AgentSettings } from '#agent/settings.ts';

/** The settings as a KubeletConfiguration, where they have a place in one. */
export function kubeletConfiguration(settings: AgentSettings): object {
  const { folders, pki, clusterDomain, clusterDns, runtimeEndpoint, taints, evictionHard } =
    settings;
  return {
    kind: 'KubeletConfiguration',
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    enableServer: true,
    podLogsDir: folders.podLogs,
    address: '0.0.0.0',
    port: 10_250,
    tlsCertFile: pki.servingCertificate,
    tlsPrivateKeyFile: pki.servingKey,
    authentication: {
      x509: { clientCAFile: pki.authority },
      webhook: { enabled: true, cacheTTL: '2m0s' },
      anonymous: { enabled: false },
    },
    authorization: {
      mode: 'Webhook',
      webhook: { cacheAuthorizedTTL: '5m0s', cacheUnauthorizedTTL: '30s' },
    },
    healthzPort: 10_248,
    healthzBindAddress: '127.0.0.1',
    clusterDomain,
    clusterDNS: [clusterDns],
    nodeStatusUpdateFrequency: '10s',
    nodeStatusReportFrequency: '5m0s',
    nodeLeaseDurationSeconds: 40,
    runtimeRequestTimeout: '2m0s',
    maxPods: 110,
    evictionHard,
    evictionPressureTransitionPeriod: '5m0s',
    imageMinimumGCAge: '2m0s',
    imageGCHighThresholdPercent: 85,
    imageGCLowThresholdPercent: 80,
    enableDebuggingHandlers: true,
    enableSystemLogHandler: true,
    enableSystemLogQuery: false,
    containerRuntimeEndpoint: runtimeEndpoint,
    registerNode: true,
    ...(taints.length > 0 && { registerWithTaints: taints }),
  };
}
