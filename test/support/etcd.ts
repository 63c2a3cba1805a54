import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { TlsMaterial } from '#main/control-plane/etcd/grpc/server.ts';

export interface EtcdctlOptions {
  readonly endpoint: string;
  /** With a folder of `createCertificates`, TLS as the client named there. */
  readonly certificates?: string;
  readonly input?: string;
}

/** Runs the real etcdctl and returns what it prints. Throws with its standard error. */
export async function etcdctl(options: EtcdctlOptions, ...args: string[]): Promise<string> {
  const child = startEtcdctl(options, ...args);
  let output = '';
  let errors = '';
  child.stdout!.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr!.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  child.stdin!.end(options.input ?? '');
  const [code] = (await once(child, 'close')) as [number];
  if (code !== 0) throw new Error(errors || output);
  return output;
}

export function startEtcdctl(options: EtcdctlOptions, ...args: string[]): ChildProcess {
  const { endpoint, certificates } = options;
  const tls = certificates
    ? [
        `--cacert=${certificates}/ca.crt`,
        `--cert=${certificates}/client.crt`,
        `--key=${certificates}/client.key`,
      ]
    : [];
  const flags = [`--endpoints=${endpoint}`, '--command-timeout=10s', ...tls];
  return spawn('etcdctl', [...flags, ...args], { env: { ...process.env, ETCDCTL_API: '3' } });
}

/** A certificate authority, a server's certificate for loopback and a client's, by openssl. */
export function createCertificates(folder: string): TlsMaterial {
  const openssl = (...args: string[]): void => {
    execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
  };
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const authority = ['-x509', '-days', '2', '-subj', '/CN=authority'];
  openssl('req', ...curve, ...authority, '-keyout', 'ca.key', '-out', 'ca.crt');
  for (const name of ['server', 'client']) {
    writeFileSync(
      join(folder, `${name}.ext`),
      'subjectAltName=IP:127.0.0.1,DNS:localhost\nextendedKeyUsage=serverAuth,clientAuth\n',
    );
    openssl(
      'req',
      ...curve,
      '-subj',
      `/CN=${name}`,
      '-keyout',
      `${name}.key`,
      '-out',
      `${name}.csr`,
    );
    const signing = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2'];
    openssl(
      'x509',
      '-req',
      '-in',
      `${name}.csr`,
      ...signing,
      '-extfile',
      `${name}.ext`,
      '-out',
      `${name}.crt`,
    );
  }
  const read = (file: string): string => readFileSync(join(folder, file), 'utf8');
  return { ca: read('ca.crt'), certificate: read('server.crt'), key: read('server.key') };
}

export interface RealEtcd extends AsyncDisposable {
  /** host:port */
  readonly endpoint: string;
  readonly pid: number;
}

/** Debian's etcd on a data folder of its own, ready to answer. */
export async function startRealEtcd(folder: string, ...flags: string[]): Promise<RealEtcd> {
  const [client, peer] = [await freePort(), await freePort()];
  const clientUrl = `http://127.0.0.1:${client}`;
  const peerUrl = `http://127.0.0.1:${peer}`;
  const child = spawn(
    'etcd',
    [
      '--data-dir',
      folder,
      '--listen-client-urls',
      clientUrl,
      '--advertise-client-urls',
      clientUrl,
      '--listen-peer-urls',
      peerUrl,
      '--initial-advertise-peer-urls',
      peerUrl,
      '--initial-cluster',
      `default=${peerUrl}`,
      '--log-level',
      'error',
      ...flags,
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  let errors = '';
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  const endpoint = `127.0.0.1:${client}`;
  for (let left = 100; ; left--) {
    try {
      await etcdctl({ endpoint }, 'endpoint', 'health');
      break;
    } catch (cause) {
      if (left === 0 || child.exitCode !== null) {
        child.kill('SIGKILL');
        throw new Error(`etcd did not start: ${errors}`, { cause });
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  return {
    endpoint,
    pid: child.pid!,
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null) return;
      const exited = once(child, 'exit');
      child.kill('SIGTERM');
      await exited;
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
