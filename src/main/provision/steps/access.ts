import { quoted, runOn, type Machine } from '#main/provision/machine.ts';
import { agentCommand } from '#main/provision/steps/agent.ts';
import { step, type StepContext } from '#main/provision/step.ts';

const sudoers = '/etc/sudoers.d/pilothouse';

interface Prior {
  readonly user: string;
  readonly home: string;
  readonly hadFolder: boolean;
  readonly hadFile: boolean;
  /** Tells our line from the others. */
  readonly mark: string;
}

/**
 * Lets the desktop attach to the agent at any time, and do nothing else: a key of the cluster's own
 * that can only start the bridge, and a sudo rule for just that where the user is not root. No
 * password is kept anywhere.
 */
export const access = step<Prior>({
  name: 'access',

  async detect(context) {
    const { machine, plan } = context;
    const { user } = plan.access;
    const line = keyLine(context);
    const out = await runOn(
      machine,
      `home=$(getent passwd ${quoted(user)} | cut -d: -f6)
${line === undefined ? '' : `grep -qxF ${quoted(line)} "$home/.ssh/authorized_keys" 2>/dev/null || echo key`}
${user === 'root' ? '' : `grep -qxF ${quoted(sudoRule(user))} ${sudoers} 2>/dev/null || echo sudo`}`,
    );
    const missing = out.split('\n');
    return [
      ...(missing.includes('key') ? [`let the cluster's key start the bridge as ${user}`] : []),
      ...(missing.includes('sudo') ? [`let ${user} start the bridge with sudo`] : []),
    ];
  },

  async prior({ machine, plan }) {
    const { user } = plan.access;
    const out = await runOn(
      machine,
      `home=$(getent passwd ${quoted(user)} | cut -d: -f6)
echo "$home"
[ ! -d "$home/.ssh" ] || echo folder
[ ! -e "$home/.ssh/authorized_keys" ] || echo file`,
    );
    const [home = '', ...there] = out.trim().split('\n');
    return {
      user,
      home,
      hadFolder: there.includes('folder'),
      hadFile: there.includes('file'),
      mark: markOf(plan.cluster),
    };
  },

  async apply(context) {
    const { machine, plan } = context;
    const { user } = plan.access;
    const line = keyLine(context);
    if (line !== undefined) await addKey(machine, user, { line, mark: markOf(plan.cluster) });
    if (user !== 'root')
      await runOn(
        machine,
        `umask 337
cat >${sudoers}.new
visudo -cqf ${sudoers}.new
mv ${sudoers}.new ${sudoers}`,
        { input: `# Written by Pilothouse.\n${sudoRule(user)}\n` },
      );
  },

  async undo(machine, { home, hadFolder, hadFile, mark }) {
    const file = quoted(`${home}/.ssh/authorized_keys`);
    await runOn(
      machine,
      `rm -f ${sudoers}
if [ -e ${file} ]; then
  sed -i ${quoted(`/ ${mark}$/d`)} ${file}
  ${hadFile ? 'true' : `[ -s ${file} ] || rm ${file}`}
fi
${hadFolder ? 'true' : `rmdir ${quoted(`${home}/.ssh`)} 2>/dev/null || true`}`,
    );
  },
});

async function addKey(
  machine: Machine,
  user: string,
  { line, mark }: { readonly line: string; readonly mark: string },
): Promise<void> {
  await runOn(
    machine,
    `home=$(getent passwd ${quoted(user)} | cut -d: -f6)
umask 077
mkdir -p "$home/.ssh"
file="$home/.ssh/authorized_keys"
[ ! -e "$file" ] || sed -i ${quoted(`/ ${mark}$/d`)} "$file"
[ ! -s "$file" ] || [ -z "$(tail -c1 "$file")" ] || echo >>"$file"
cat >>"$file"
chown -R --reference="$home" "$home/.ssh"`,
    { input: `${line}\n` },
  );
}

/** What the login runs: nothing else can be asked for with that key. */
function keyLine({ plan }: StepContext): string | undefined {
  const { user, publicKey } = plan.access;
  if (publicKey === undefined) return undefined;
  const command = `${user === 'root' ? '' : 'sudo -n '}${agentCommand} bridge`;
  const [type, key] = publicKey.split(' ');
  return `restrict,command="${command}" ${type} ${key} ${markOf(plan.cluster)}`;
}

function sudoRule(user: string): string {
  return `${user} ALL=(root) NOPASSWD: ${agentCommand} bridge`;
}

function markOf(cluster: string): string {
  return `pilothouse-${cluster}`;
}
