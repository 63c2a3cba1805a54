import { differing, removeFiles, writeFiles } from '#main/provision/files.ts';
import { runOn, type Machine } from '#main/provision/machine.ts';
import { step } from '#main/provision/step.ts';

const modules = ['overlay', 'br_netfilter', 'nf_conntrack', 'vxlan'];

/** What nodes need of the kernel; values below are raised, higher ones stay. */
const settings: Readonly<Record<string, number>> = {
  'net.ipv4.ip_forward': 1,
  'net.bridge.bridge-nf-call-iptables': 1,
  'net.bridge.bridge-nf-call-ip6tables': 1,
  'fs.inotify.max_user_instances': 1024,
  'fs.inotify.max_user_watches': 524_288,
};

const files = [
  {
    path: '/etc/modules-load.d/pilothouse.conf',
    mode: '644',
    content: modules.map((name) => `${name}\n`).join(''),
  },
  {
    path: '/etc/sysctl.d/99-pilothouse.conf',
    mode: '644',
    // A kernel without one of them is none to fail at boot for.
    content: Object.entries(settings)
      .map(([name, value]) => `-${name} = ${value}\n`)
      .join(''),
  },
];

type Values = Readonly<Record<string, number>>;

export const kernel = step<Values>({
  name: 'kernel',

  async detect({ machine }) {
    const [changed, now] = await Promise.all([differing(machine, files), values(machine)]);
    const raised = Object.entries(settings).filter(([name, value]) => (now[name] ?? value) < value);
    return [
      ...changed.map(({ path }) => `write ${path}`),
      ...raised.map(([name, value]) => `set ${name} from ${now[name]} to ${value}`),
    ];
  },

  prior: async ({ machine }) => values(machine),

  async apply({ machine }) {
    await writeFiles(machine, files);
    // What is built in cannot be loaded, and need not be.
    await runOn(machine, modules.map((name) => `modprobe ${name} 2>/dev/null || true`).join('\n'));
    await set(machine, settings);
  },

  async undo(machine, prior) {
    await removeFiles(
      machine,
      files.map(({ path }) => path),
    );
    const now = await values(machine);
    const ours = Object.entries(prior).filter(([name]) => now[name] === settings[name]);
    await set(machine, Object.fromEntries(ours), { lower: true });
  },
});

/** Of those that this kernel has and lets be changed. */
async function values(machine: Machine): Promise<Values> {
  const names = Object.keys(settings);
  const out = await runOn(
    machine,
    names
      .map((name) => {
        const path = `/proc/sys/${name.replaceAll('.', '/')}`;
        return `[ ! -w ${path} ] || echo ${name} $(cat ${path})`;
      })
      .join('\n'),
  );
  const lines = out.split('\n').filter(Boolean);
  return Object.fromEntries(
    lines.map((line) => {
      const [name = '', value] = line.split(' ');
      return [name, Number(value)];
    }),
  );
}

async function set(
  machine: Machine,
  wanted: Values,
  { lower = false }: { lower?: boolean } = {},
): Promise<void> {
  const lines = Object.entries(wanted).map(([name, value]) => {
    const path = `/proc/sys/${name.replaceAll('.', '/')}`;
    const condition = lower
      ? `[ ! -w ${path} ]`
      : `[ ! -w ${path} ] || [ $(cat ${path}) -ge ${value} ]`;
    return `${condition} || echo ${value} >${path}`;
  });
  await runOn(machine, lines.join('\n'));
}
