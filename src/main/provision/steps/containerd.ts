import {
  differing,
  readFile,
  removeFiles,
  writeFiles,
  type RemoteFile,
} from '#main/provision/files.ts';
import { runOn, type Machine } from '#main/provision/machine.ts';
import { pauseImage } from '#main/provision/pause/image.ts';
import { step, type StepContext } from '#main/provision/step.ts';

const path = '/etc/containerd/config.toml';

interface Prior {
  readonly config: RemoteFile | undefined;
  readonly isEnabled: boolean;
  readonly isActive: boolean;
}

export const containerd = step<Prior>({
  name: 'containerd',

  async detect(context) {
    const { machine } = context;
    const [changed, { isEnabled, isActive }] = await Promise.all([
      differing(machine, [configOf(context)]),
      service(machine),
    ]);
    return [
      ...(changed.length > 0 ? [`write ${path}`] : []),
      ...(isEnabled ? [] : ['start containerd at boot']),
      ...(isActive ? [] : ['start containerd']),
    ];
  },

  prior: async ({ machine }) => ({
    config: await readFile(machine, path),
    ...(await service(machine)),
  }),

  async apply(context) {
    const { machine } = context;
    await writeFiles(machine, [configOf(context)]);
    // Its containers run on meanwhile.
    await runOn(machine, 'systemctl enable --quiet containerd\nsystemctl restart containerd');
  },

  async verify({ machine }) {
    const { code, err } = await machine.execute(
      'for try in $(seq 50); do ctr version >/dev/null 2>&1 && exit 0; sleep 0.1; done; ctr version >/dev/null',
    );
    return code === 0
      ? []
      : [`containerd does not answer: ${err.trim()}; see "journalctl -u containerd"`];
  },

  async undo(machine, { config, isEnabled, isActive }) {
    if (config) await writeFiles(machine, [config]);
    else await removeFiles(machine, [path]);
    const { isActive: isThere } = await service(machine);
    const commands = [
      ...(isEnabled ? [] : ['systemctl disable --quiet containerd']),
      isActive ? 'systemctl restart containerd' : 'systemctl stop containerd',
    ];
    if (isThere || isActive) await runOn(machine, commands.join('\n'));
  },
});

function configOf({ facts }: StepContext): RemoteFile {
  const plugin = 'plugins."io.containerd.grpc.v1.cri"';
  const lines = [
    '# Written by Pilothouse; what was here before comes back when the node is removed.',
    'version = 2',
    `[${plugin}]`,
    `  sandbox_image = "${pauseImage}"`,
    // Without the privilege to lower it, every sandbox would fail.
    ...(facts.mayRaiseLimits ? [] : ['  restrict_oom_score_adj = true']),
    `  [${plugin}.cni]`,
    '    bin_dir = "/usr/lib/cni"',
    '    conf_dir = "/etc/cni/net.d"',
  ];
  return { path, mode: '644', content: `${lines.join('\n')}\n` };
}

async function service(machine: Machine): Promise<Omit<Prior, 'config'>> {
  const out = await runOn(
    machine,
    'systemctl is-enabled containerd 2>/dev/null || true; echo /; systemctl is-active containerd 2>/dev/null || true',
  );
  const [enabled = '', active = ''] = out.split('/');
  return { isEnabled: enabled.trim() === 'enabled', isActive: active.trim() === 'active' };
}
