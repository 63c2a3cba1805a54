/** What one boot of a host needs to know. */
export interface BootOptions {
  readonly name: string;
  /** The shared read-only file system. */
  readonly base: string;
  /** Holds the host's own files: `upper`, `work`, `containerd`; `root` is where it is put together. */
  readonly folder: string;
  /** The host's folders in this machine's cgroup hierarchies, by controller; one, unnamed, for v2. */
  readonly controllers: readonly string[];
  readonly authorizedKey: string;
  readonly proxy: string;
  /** Keeps the host's files in memory and ends them there; for full disks. */
  readonly diskMiB: number | undefined;
}

/**
 * Shell for a process that has new mount, pid, uts, ipc and cgroup namespaces: puts the host's file
 * system together and becomes its systemd.
 */
export function bootScript(options: BootOptions): string {
  return [
    `R=${options.folder}/root D=${options.folder}`,
    `hostname ${options.name}`,
    'mount --make-rprivate /',
    ...fileSystem(options),
    ...identity(options),
    ...kernelFileSystems(options),
    ...devices,
    ...controlGroups(options.controllers),
    // The kubelet hands mounts on to pods: the root is shared as systemd makes it on a machine.
    'cd $R',
    'mkdir -p .old',
    'pivot_root . .old',
    'umount -l /.old',
    'rmdir /.old',
    'mount --make-rshared /',
    `exec env -i container=testhost TERM=linux PATH=${path} setpriv --bounding-set=-sys_time,-sys_module /sbin/init </dev/null`,
  ].join('\n');
}

const path = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

function fileSystem({ name, base, diskMiB }: BootOptions): string[] {
  return [
    ...(diskMiB === undefined
      ? []
      : [
          `mount -t tmpfs -o size=${diskMiB}m tmpfs $D`,
          'mkdir $D/upper $D/work $D/root $D/containerd',
        ]),
    `mount -t overlay ${name} -o lowerdir=${base},upperdir=$D/upper,workdir=$D/work $R`,
    // An overlay cannot lie on an overlay: containerd needs a plain folder.
    'mkdir -p $R/var/lib/containerd',
    'mount --bind $D/containerd $R/var/lib/containerd',
  ];
}

/** Made on the first boot, kept for the next ones. */
function identity({ name, authorizedKey, proxy }: BootOptions): string[] {
  return [
    'if [ ! -e $R/etc/machine-id ]; then',
    "chroot $R ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/ssh_host_ed25519_key",
    'tr -d - </proc/sys/kernel/random/uuid >$R/etc/machine-id',
    'ln -sf /etc/machine-id $R/var/lib/dbus/machine-id',
    `echo ${name} >$R/etc/hostname`,
    `printf '127.0.0.1 localhost\\n127.0.1.1 ${name}\\n' >$R/etc/hosts`,
    ': >$R/etc/resolv.conf',
    `echo 'Acquire::http::Proxy "${proxy}";' >$R/etc/apt/apt.conf.d/99proxy`,
    'for home in /root /home/admin; do',
    'mkdir -p -m 700 $R$home/.ssh',
    `echo '${authorizedKey}' >$R$home/.ssh/authorized_keys`,
    'chown -R --reference=$R$home $R$home/.ssh',
    'done',
    'fi',
  ];
}

/** The machine's own settings are read-only; those of the host's network are its own. */
function kernelFileSystems({ folder }: BootOptions): string[] {
  return [
    'mount -t proc -o nosuid,nodev,noexec proc $R/proc',
    'mount --bind $R/proc/sys $R/proc/sys',
    'mount -o remount,bind,ro $R/proc/sys',
    'mount --bind $R/proc/sys/net $R/proc/sys/net',
    'mount -o remount,bind,rw $R/proc/sys/net',
    `cat /proc/sys/kernel/random/uuid >${folder}/boot_id`,
    `mount --bind ${folder}/boot_id $R/proc/sys/kernel/random/boot_id`,
    'mount -t sysfs -o ro,nosuid,nodev,noexec sysfs $R/sys',
    ...['run:755', 'tmp:1777'].map((one) => {
      const [name, mode] = one.split(':');
      return `mount -t tmpfs -o mode=${mode},nosuid,nodev tmpfs $R/${name}`;
    }),
  ];
}

const devices: readonly string[] = [
  'mount -t tmpfs -o mode=755,nosuid,size=4m tmpfs $R/dev',
  'mkdir $R/dev/pts $R/dev/shm $R/dev/mqueue $R/dev/net',
  'for device in null zero full random urandom tty net/tun; do',
  'touch $R/dev/$device',
  'mount --bind /dev/$device $R/dev/$device',
  'done',
  'mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts $R/dev/pts',
  'mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs $R/dev/shm',
  'ln -s pts/ptmx $R/dev/ptmx',
  'ln -s /proc/self/fd $R/dev/fd',
  'ln -s /proc/self/fd/0 $R/dev/stdin',
  'ln -s /proc/self/fd/1 $R/dev/stdout',
  'ln -s /proc/self/fd/2 $R/dev/stderr',
];

function controlGroups(controllers: readonly string[]): string[] {
  const top = '$R/sys/fs/cgroup';
  if (controllers.length === 0) return [`mount -t cgroup2 cgroup2 ${top}`];
  return [
    `mount -t tmpfs -o mode=755 tmpfs ${top}`,
    `for controller in ${controllers.join(' ')}; do`,
    `mkdir ${top}/$controller`,
    `mount -t cgroup -o $controller cgroup ${top}/$controller`,
    'done',
    `mkdir ${top}/systemd ${top}/unified`,
    `mount -t cgroup -o none,name=systemd cgroup ${top}/systemd`,
    `mount -t cgroup2 cgroup2 ${top}/unified`,
  ];
}
