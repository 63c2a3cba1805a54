import { defineAsyncComponent, h, shallowRef, type Component, type FunctionalComponent } from 'vue';
import { systemClock } from '#shared/base/system-clock.ts';
import PartProblem from './PartProblem.vue';
import PartSkeleton from './PartSkeleton.vue';
import { isOtherBuild } from './other-build.ts';

/** A network that has just changed, or an app that is being started, is there again soon. */
const waitsMs = [300, 1_000, 3_000];

/**
 * A part of the window that is fetched when it is first shown. What fails is tried again by itself a
 * few times, then as often as somebody asks; of an app with another build only a reload helps.
 */
export function lazily(load: () => Promise<{ readonly default: Component }>): Component {
  const attempt = shallowRef(0);
  const isOutdated = shallowRef(false);
  let failures = 0;
  const again = (): void => {
    failures = 0;
    attempt.value++;
  };
  const Problem = ({ error }: { readonly error?: Error }) =>
    h(PartProblem, { ...(error && { error }), isOutdated: isOutdated.value, onAgain: again });
  Problem.props = ['error'];
  const Part = defineAsyncComponent({
    loader: load,
    delay: 100,
    loadingComponent: PartSkeleton,
    errorComponent: Problem,
    async onError(_error, retry, fail) {
      const waitMs = waitsMs[failures++];
      isOutdated.value = await isOtherBuild();
      if (isOutdated.value || waitMs === undefined) fail();
      else systemClock.after(waitMs, retry);
    },
  });
  const Tried: FunctionalComponent = (_props, { attrs, slots }) =>
    h(Part, { ...attrs, key: attempt.value }, slots);
  Tried.inheritAttrs = false;
  return Tried;
}
