import { joined } from '#main/provision/joined-machine.ts';
import { Journal } from '#main/provision/journal.ts';
import type { Machine } from '#main/provision/machine.ts';
import type { Step, StepContext } from '#main/provision/step.ts';
import { steps } from '#main/provision/steps/index.ts';

/** What is to change, step by step; steps with nothing to do are left out. */
export interface PlannedStep {
  readonly step: string;
  readonly changes: readonly string[];
}

export type ProvisionEvent =
  | { readonly type: 'begin'; readonly step: string; readonly changes: readonly string[] }
  | { readonly type: 'progress'; readonly step: string; readonly text: string }
  | { readonly type: 'done'; readonly step: string }
  | { readonly type: 'undone'; readonly step: string };

export type Listener = (event: ProvisionEvent) => void;

/** What would be done; changes nothing. */
export async function planOf(context: StepContext): Promise<readonly PlannedStep[]> {
  const looking = { ...context, machine: joined(context.machine) };
  const planned = await Promise.all(
    steps.map(async ({ name, detect }) => ({ step: name, changes: await detect(looking) })),
  );
  return planned.filter(({ changes }) => changes.length > 0);
}

/**
 * Does what has to be done, each step journalled on the machine before its first change. Whatever
 * breaks it off, a further call goes on; when all is as it should be it changes nothing. Aborting
 * the signal ends it between two steps, or within one where that is safe.
 */
export async function provision(context: StepContext, listen: Listener): Promise<void> {
  const journal = await Journal.open(context.machine);
  for (const step of steps) {
    context.signal?.throwIfAborted();
    const progress = (text: string): void => listen({ type: 'progress', step: step.name, text });
    await perform(step, { ...context, progress }, { journal, listen });
  }
}

async function perform(
  step: Step,
  context: StepContext,
  { journal, listen }: { readonly journal: Journal; readonly listen: Listener },
): Promise<void> {
  const { name } = step;
  const changes = await step.detect(context);
  if (changes.length === 0) return;
  listen({ type: 'begin', step: name, changes });
  if (!journal.has(name)) await journal.begin(name, await step.prior(context));
  await step.apply(context);
  const left = [...(await step.detect(context)), ...((await step.verify?.(context)) ?? [])];
  if (left.length > 0)
    throw new Error(
      `Step ${name} has been done on ${context.machine.name}, but this is left: ${left.join('; ')}`,
    );
  listen({ type: 'done', step: name });
}

/**
 * Takes everything back that the journal names, last things first. Throws at the first that resists;
 * may be run again. Aborting the signal ends it between two steps.
 */
export async function deprovision(
  machine: Machine,
  listen: Listener,
  { signal }: { readonly signal?: AbortSignal } = {},
): Promise<void> {
  const journal = await Journal.open(machine);
  for (const step of steps.toReversed()) {
    if (!journal.has(step.name)) continue;
    signal?.throwIfAborted();
    listen({ type: 'begin', step: step.name, changes: ['put back what was there before'] });
    await step.undo(machine, journal.prior(step.name));
    await journal.undone(step.name);
    listen({ type: 'undone', step: step.name });
  }
}
