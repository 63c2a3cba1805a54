import { arch, platform } from 'node:os';
import type { VersionInfo } from '#main/control-plane/apiserver/http/server-paths.ts';
import { observedRelease } from '#shared/api/schema/release.ts';

/** Upstream's release, suffixed with our own count. */
export const version = `${observedRelease}+pilothouse.1`;

const [, major = '', minor = ''] = /^v(\d+)\.(\d+)/.exec(observedRelease) ?? [];
const architectures: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };
const systems: Readonly<Record<string, string>> = { win32: 'windows' };

/** What `/version` answers, with the members that clients expect. */
export const versionInfo: VersionInfo = {
  major,
  minor,
  gitVersion: version,
  gitCommit: '0000000000000000000000000000000000000000',
  gitTreeState: 'clean',
  buildDate: '2026-11-21T00:00:00Z',
  goVersion: 'go0.0 (pilothouse is not written in Go)',
  compiler: 'node',
  platform: `${systems[platform()] ?? platform()}/${architectures[arch()] ?? arch()}`,
};
