import { Readable } from 'node:stream';
import { runOn } from '#main/provision/machine.ts';
import { pauseArchive, pauseImage } from '#main/provision/pause/image.ts';
import { step } from '#main/provision/step.ts';

/** The image that sandboxes are made of: no registry has it, so it is sent. */
export const pause = step<undefined>({
  name: 'pause-image',

  async detect({ machine }) {
    const out = await runOn(
      machine,
      `ctr -n k8s.io images list -q 2>/dev/null | grep -xF ${pauseImage} || true`,
    );
    return out.trim() === pauseImage ? [] : [`give containerd the image ${pauseImage}`];
  },

  prior: async () => undefined,

  async apply({ machine, assets }) {
    const input = Readable.from([pauseArchive(assets.architecture)]);
    await runOn(machine, 'ctr -n k8s.io images import --no-unpack - >/dev/null', { input });
  },

  async undo(machine) {
    // Where containerd is gone already, so is the image.
    await runOn(machine, `ctr -n k8s.io images rm ${pauseImage} >/dev/null 2>&1 || true`);
  },
});
