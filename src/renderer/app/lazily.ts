import { defineAsyncComponent, type Component } from 'vue';
import PartProblem from './PartProblem.vue';
import PartSkeleton from './PartSkeleton.vue';

/** A part of the window that is fetched when it is first shown. */
export function lazily(load: () => Promise<{ readonly default: Component }>): Component {
  return defineAsyncComponent({
    loader: load,
    delay: 100,
    loadingComponent: PartSkeleton,
    errorComponent: PartProblem,
  });
}
