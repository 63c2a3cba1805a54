// The programs of the outside world that tests are judged by, and the Debian packages they come in.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';

const packages = {
  etcd: 'etcd-server',
  etcdctl: 'etcd-client',
  kubectl: 'kubernetes-client',
  openssl: 'openssl',
  nft: 'nftables',
  conntrack: 'conntrack',
  iptables: 'iptables',
  '/usr/lib/cni/ptp': 'containernetworking-plugins',
  chromium: 'chromium',
  python3: 'python3-venv',
  pip3: 'python3-pip',
  Xvfb: 'xvfb',
  debootstrap: 'debootstrap',
  ip: 'iproute2',
  ssh: 'openssh-client',
};

/** Installs what it may (root on Debian); returns the names of the programs that are still missing. */
export function installSystemPackages() {
  const lacking = Object.keys(packages).filter((program) => !isOnPath(program));
  const mayInstall = process.getuid?.() === 0 && existsSync('/etc/debian_version');
  if (lacking.length > 0 && mayInstall) {
    const names = [...new Set(lacking.map((program) => packages[program]))];
    console.error(`Installing ${names.join(', ')} …`);
    const options = {
      stdio: 'inherit',
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    };
    spawnSync('apt-get', ['-qq', 'update'], options);
    spawnSync('apt-get', ['-qq', '-y', 'install', '--no-install-recommends', ...names], options);
  }
  return lacking.filter((program) => !isOnPath(program));
}

function isOnPath(program) {
  if (isAbsolute(program)) return existsSync(program);
  return (process.env.PATH ?? '')
    .split(delimiter)
    .some((folder) => existsSync(join(folder, program)));
}
