import type { Step } from '#main/provision/step.ts';
import { access } from '#main/provision/steps/access.ts';
import { agent } from '#main/provision/steps/agent.ts';
import { containerd } from '#main/provision/steps/containerd.ts';
import { kernel } from '#main/provision/steps/kernel.ts';
import { packages } from '#main/provision/steps/packages.ts';
import { pause } from '#main/provision/steps/pause.ts';
import { service } from '#main/provision/steps/service.ts';
import { settings } from '#main/provision/steps/settings.ts';

/** In the order in which they are done; they are undone in the opposite one. */
export const steps: readonly Step[] = [
  packages,
  kernel,
  containerd,
  agent,
  pause,
  settings,
  access,
  service,
];
