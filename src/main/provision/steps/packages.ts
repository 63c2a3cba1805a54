import { runOn } from '#main/provision/machine.ts';
import { step, type StepContext } from '#main/provision/step.ts';

/** Debian's names; `containerd` only where no other one (Docker's) is there. */
export const neededPackages = [
  'containerd',
  'runc',
  'containernetworking-plugins',
  'nftables',
  'iptables',
  'conntrack',
] as const;

interface Prior {
  /** What apt will have added. */
  readonly added: readonly string[];
  /** Folders that packages, or what they start, will fill; with their mode where they are there, empty. */
  readonly filledFolders: readonly { readonly path: string; readonly mode?: string }[];
}

/** Folders of containerd and CNI; those that were there before stay. */
const folders = [
  '/var/lib/containerd',
  '/run/containerd',
  '/etc/containerd',
  '/opt/containerd',
  '/etc/cni',
  '/var/lib/cni',
];

/** Lives on when the connection breaks: dpkg is not to stop half-way. */
const unit = 'pilothouse-packages';
const log = '/run/pilothouse-packages.log';

export const packages = step<Prior>({
  name: 'packages',

  async detect(context) {
    const missing = await missingPackages(context);
    return missing.map((name) => `install the package ${name}`);
  },

  async prior(context) {
    const missing = await missingPackages(context);
    const out = await runOn(
      context.machine,
      `export LC_ALL=C
simulate() { apt-get -s -qq install --no-install-recommends ${missing.join(' ')} 2>&1; }
simulate >/dev/null || apt-get -qq -o DPkg::Lock::Timeout=300 update
simulate | sed -n 's/^Inst \\([^ ]*\\) .*/package \\1/p'
for folder in ${folders.join(' ')}; do
  if [ ! -e $folder ]; then echo "folder $folder"
  elif [ -z "$(ls -A $folder)" ]; then echo "folder $folder $(stat -c %a $folder)"
  fi
done`,
    );
    const lines = out.split('\n').map((line) => line.split(' '));
    const of = (kind: string) => lines.filter(([first]) => first === kind);
    return {
      added: of('package').map(([, name = '']) => name),
      filledFolders: of('folder').map(([, path = '', mode]) => ({ path, ...(mode && { mode }) })),
    };
  },

  async apply(context) {
    const missing = await missingPackages(context);
    context.progress(`apt-get install ${missing.join(' ')}`);
    const command = `exec >${log} 2>&1
dpkg --configure -a
apt-get -y install --no-install-recommends -o DPkg::Lock::Timeout=300 -o APT::Keep-Downloaded-Packages=false -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold ${missing.join(' ')}`;
    const { code, err } = await context.machine.execute(
      `while systemctl is-active --quiet ${unit}; do sleep 0.5; done
systemctl reset-failed ${unit} 2>/dev/null
systemd-run --quiet --collect --wait --unit=${unit} -E DEBIAN_FRONTEND=noninteractive sh -ec '${command}' || { tail -n 5 ${log} >&2; rm -f ${log}; exit 1; }
rm -f ${log}`,
      { signal: context.signal },
    );
    if (code !== 0)
      throw new Error(
        `apt on ${context.machine.name} cannot install ${missing.join(', ')}: ${err.trim()}`,
      );
  },

  async undo(machine, { added, filledFolders }) {
    const { code, out, err } = await machine.execute(
      `export LC_ALL=C DEBIAN_FRONTEND=noninteractive
there=$(for package in ${added.join(' ')}; do dpkg-query -W -f '\${db:Status-Status} \${Package}\\n' $package 2>/dev/null; done | awk '$1 != "not-installed" {print $2}')
[ -n "$there" ] || exit 0
others=$(apt-get -s purge $there | awk '/^(Remv|Purg) / {print $2}' | grep -vxF "$there")
[ -z "$others" ] || { echo "$others"; exit 3; }
apt-get -y -qq -o DPkg::Lock::Timeout=300 purge $there`,
    );
    if (code === 3)
      throw new Error(
        `Packages that came with the node are needed by others now: ${out.trim().split('\n').join(', ')}; remove those, or keep them and run "sed -i /packages/d /var/lib/pilothouse/journal.jsonl" on ${machine.name}`,
      );
    if (code !== 0) throw new Error(`apt on ${machine.name} cannot remove packages: ${err.trim()}`);
    await runOn(machine, filledFolders.map(emptied).join('\n'));
  },
});

function emptied({ path, mode }: Prior['filledFolders'][number]): string {
  return `awk -v folder="${path}/" 'index($2, folder) == 1 {print $2}' /proc/mounts | sort -r | xargs -r umount -l
[ ! -e ${path} ] || find ${path} -xdev -mindepth 1 -delete
${mode ? `chmod ${mode} ${path}` : `rmdir ${path} 2>/dev/null || true`}`;
}

async function missingPackages({ machine }: StepContext): Promise<readonly string[]> {
  const out = await runOn(
    machine,
    `dpkg-query -W -f '\${db:Status-Status} \${Package}\n' ${neededPackages.join(' ')} containerd.io 2>/dev/null || true`,
  );
  const installed = new Set(
    out.split('\n').flatMap((line) => (line.startsWith('installed ') ? [line.slice(10)] : [])),
  );
  const missing = neededPackages.filter((name) => !installed.has(name));
  // Docker's own package carries both.
  if (!installed.has('containerd.io')) return missing;
  return missing.filter((name) => name !== 'containerd' && name !== 'runc');
}
