import type { PodTemplate } from '#shared/api/types/core-v1.ts';
import { formatLabels, nameColumn } from '#shared/api/columns.ts';
import { podAllowances } from '#shared/api/core/pod/allowances.ts';
import { defaultPodTemplate } from '#shared/api/core/pod/defaults.ts';
import { dropDisabledFields } from '#shared/api/core/pod/disabled-fields.ts';
import { validatePodTemplate } from '#shared/api/core/pod/spec.ts';
import { countGeneration, startGeneration } from '#shared/api/strategies.ts';
import { resource } from '#shared/kube/resource.ts';

export const podTemplates = resource<PodTemplate>({
  group: '',
  version: 'v1',
  kind: 'PodTemplate',
  plural: 'podtemplates',
  singular: 'podtemplate',
  scope: 'Namespaced',
  type: 'core.v1.PodTemplate',
  storage: { prefix: '/registry/podtemplates' },
  lifecycle: { generation: true, deleteReturnsObject: true },
  default: ({ template }) => defaultPodTemplate(template),
  prepareForCreate(draft) {
    startGeneration(draft);
    dropDisabledFields(draft.template.spec, undefined);
  },
  prepareForUpdate(draft, old) {
    dropDisabledFields(draft.template.spec, old.template.spec);
    countGeneration(draft, old, { value: draft.template, before: old.template });
  },
  validate: ({ template }) => validatePodTemplate(template, 'template'),
  validateUpdate({ template }, old) {
    const { spec, metadata } = old.template;
    const allows = podAllowances(spec, metadata, { isPod: false });
    return validatePodTemplate(template, 'template', allows);
  },
  columns: [
    nameColumn,
    {
      name: 'Containers',
      value: ({ template }) => template.spec.containers.map(({ name }) => name).join(','),
    },
    {
      name: 'Images',
      value: ({ template }) => template.spec.containers.map(({ image }) => image ?? '').join(','),
    },
    { name: 'Pod Labels', value: ({ template }) => formatLabels(template.metadata?.labels) },
  ],
});
