import type { Assets } from '#main/provision/assets.ts';
import { differing, writeFiles, type RemoteFile } from '#main/provision/files.ts';
import { runOn } from '#main/provision/machine.ts';
import { step, type StepContext } from '#main/provision/step.ts';
import { uploadUnpacked } from '#main/provision/upload.ts';

export const installFolder = '/opt/pilothouse';
export const agentCommand = `${installFolder}/current/pilothouse-agent`;

/** Garbage is collected early: what is quiet for most of the time has no need for a large nursery. */
const nodeFlags = '--max-semi-space-size=1 --optimize-for-size';

/** What was there of `/opt` and below before. */
interface Prior {
  readonly hadOpt: boolean;
}

export const agent = step<Prior>({
  name: 'agent',

  async detect({ machine, assets }) {
    const folder = `${installFolder}/${assets.version}`;
    const [changed, out] = await Promise.all([
      differing(machine, filesOf(assets)),
      runOn(
        machine,
        `[ -x ${folder}/bin/node ] || echo node
[ "$(readlink ${installFolder}/current)" = ${assets.version} ] || echo link`,
      ),
    ]);
    const missing = out.split('\n');
    return [
      ...(missing.includes('node') ? [`send Node to ${folder}/bin/node`] : []),
      ...changed.map(({ path }) => `write ${path}`),
      ...(missing.includes('link') ? [`make ${installFolder}/current this version`] : []),
    ];
  },

  async prior({ machine }) {
    return { hadOpt: (await runOn(machine, '[ ! -d /opt ] || echo yes')).trim() === 'yes' };
  },

  async apply(context) {
    await sendNode(context);
    const { machine, assets } = context;
    await writeFiles(machine, filesOf(assets));
    await runOn(
      machine,
      `ln -sfn ${assets.version} ${installFolder}/current.new
mv -T ${installFolder}/current.new ${installFolder}/current`,
    );
  },

  async verify({ machine, assets }) {
    const node = `${installFolder}/${assets.version}/bin/node`;
    const { code, out, err } = await machine.execute(`${node} --version`);
    return code === 0 ? [] : [`the Node that was sent does not run: ${(err || out).trim()}`];
  },

  async undo(machine, { hadOpt }) {
    await runOn(
      machine,
      `rm -rf ${installFolder}${hadOpt ? '' : '\nrmdir /opt 2>/dev/null || true'}`,
    );
  },
});

async function sendNode({ machine, assets, signal, progress }: StepContext): Promise<void> {
  const target = `${installFolder}/${assets.version}/bin/node`;
  if ((await machine.execute(`[ -x ${target} ]`)).code === 0) return;
  let told = -1;
  await uploadUnpacked(machine, assets.node, target, {
    signal,
    progress(sent) {
      const percent = Math.floor((sent / assets.node.bytes) * 10) * 10;
      if (percent > told) progress(`sending Node: ${(told = percent)} %`);
    },
  });
}

function filesOf({ version, scripts }: Assets): readonly RemoteFile[] {
  const folder = `${installFolder}/${version}`;
  return [
    ...scripts.map(({ name, content }) => ({ path: `${folder}/${name}`, mode: '644', content })),
    {
      path: `${folder}/pilothouse-agent`,
      mode: '755',
      content: `#!/bin/sh\nexport MALLOC_ARENA_MAX=1\nexec ${folder}/bin/node ${nodeFlags} ${folder}/agent.cjs "$@"\n`,
    },
  ];
}
