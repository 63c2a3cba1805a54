import { defineStore } from 'pinia';
import { computed, reactive, toRefs, watch } from 'vue';

export interface Place {
  readonly section: string;
  /** As `kindId` names it; '' for a section that is no list. */
  readonly kind: string;
  /** '' for all. */
  readonly namespace: string;
  readonly filter: string;
  /** `namespace/name` of the object in the panel; '' when it is closed. */
  readonly object: string;
}

const nowhere: Place = { section: 'overview', kind: '', namespace: '', filter: '', object: '' };

/** Where the window is: kept in the address, so that reload and back and forward work. */
export const usePlace = defineStore('place', () => {
  const place = reactive<Place>({ ...nowhere, ...parse(location.hash) });
  const address = computed(() => format(place));

  watch(address, (hash) => {
    if (hash !== location.hash) history.pushState(undefined, '', hash);
  });
  addEventListener('popstate', () => Object.assign(place, nowhere, parse(location.hash)));

  function go(to: Partial<Place>): void {
    const isElsewhere = to.section !== undefined || to.kind !== undefined;
    Object.assign(place, isElsewhere && { filter: '', object: '' }, to);
  }

  return { ...toRefs(place), go };
});

function format({ section, kind, namespace, filter, object }: Place): string {
  const query = new URLSearchParams(
    Object.entries({ namespace, filter, object }).filter(([, value]) => value !== ''),
  ).toString();
  return `#/${section}${kind && `/${kind}`}${query && `?${query}`}`;
}

function parse(hash: string): Partial<Place> {
  const [path = '', query = ''] = hash.replace(/^#\//, '').split('?');
  const [section, kind = ''] = path.split('/');
  return { ...(section && { section }), kind, ...Object.fromEntries(new URLSearchParams(query)) };
}
