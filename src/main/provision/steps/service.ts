import {
  differing,
  removeFiles,
  sha256,
  writeFiles,
  type RemoteFile,
} from '#main/provision/files.ts';
import { runOn } from '#main/provision/machine.ts';
import { agentCommand } from '#main/provision/steps/agent.ts';
import { apiAddress, settingsFiles, stateFolder } from '#main/provision/steps/settings.ts';
import { step, type StepContext } from '#main/provision/step.ts';
import { removeWorkloads } from '#main/provision/workloads.ts';

const name = 'pilothouse-agent.service';
const path = `/etc/systemd/system/${name}`;

interface Prior {
  /** Of the folders that pods and networks leave. */
  readonly absent: readonly string[];
}

const leftFolders = [
  '/var/lib/kubelet',
  '/var/lib/cni',
  '/var/log/pods',
  '/var/log/containers',
  '/run/netns',
  '/run/pilothouse',
  '/etc/cni/net.d',
];

export const service = step<Prior>({
  name: 'service',

  async detect(context) {
    const { machine } = context;
    const [changed, out] = await Promise.all([
      differing(machine, [unitOf(context)]),
      runOn(
        machine,
        `systemctl is-enabled --quiet ${name} 2>/dev/null || echo enable
systemctl is-active --quiet ${name} || echo start`,
      ),
    ]);
    return [
      ...(changed.length > 0 ? [`write ${path}`] : []),
      ...(out.includes('enable') ? [`start ${name} at boot`] : []),
      ...(out.includes('start') || changed.length > 0 ? [`start ${name}`] : []),
    ];
  },

  async prior({ machine }) {
    const out = await runOn(
      machine,
      `for folder in ${leftFolders.join(' ')}; do [ -e $folder ] || echo $folder; done`,
    );
    return { absent: out.split('\n').filter(Boolean) };
  },

  async apply(context) {
    const { machine } = context;
    await writeFiles(machine, [unitOf(context)]);
    await runOn(
      machine,
      `systemctl daemon-reload
systemctl enable --quiet ${name}
systemctl restart ${name}`,
    );
  },

  async verify({ machine }) {
    const { code, out } = await machine.execute(
      `for try in $(seq 100); do [ -S /run/pilothouse/agent.sock ] && exit 0; sleep 0.1; done
journalctl -u ${name} -n 5 --no-pager -o cat; exit 1`,
    );
    return code === 0 ? [] : [`the agent does not start: ${out.trim()}`];
  },

  async undo(machine, { absent }) {
    await runOn(machine, `systemctl disable --quiet --now ${name} 2>/dev/null || true`);
    await removeWorkloads(machine);
    await removeFiles(machine, [path]);
    await runOn(
      machine,
      `systemctl daemon-reload
systemctl reset-failed ${name} 2>/dev/null || true
ip address del ${apiAddress}/32 dev lo 2>/dev/null || true
for folder in ${absent.join(' ')}; do rm -rf --one-file-system $folder; done`,
    );
  },
});

function unitOf({ plan, assets }: StepContext): RemoteFile {
  // The agent reads them when it starts: what changes them starts it anew.
  const revision = sha256(JSON.stringify(settingsFiles(plan)) + assets.version).slice(0, 16);
  const content = `# Written by Pilothouse.
[Unit]
Description=Pilothouse agent
Wants=network-online.target containerd.service
After=network-online.target containerd.service

[Service]
Environment=PILOTHOUSE_REVISION=${revision}
ExecStartPre=-/sbin/ip address replace ${apiAddress}/32 dev lo
ExecStart=${agentCommand} run --settings ${stateFolder}/agent.json
Restart=always
RestartSec=1
# Pods live on while the agent is started anew.
KillMode=process
Delegate=yes
OOMScoreAdjust=-999
LimitNOFILE=infinity
TasksMax=infinity

[Install]
WantedBy=multi-user.target
`;
  return { path, mode: '644', content };
}
