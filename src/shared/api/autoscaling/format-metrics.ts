import type { MetricSpec, MetricStatus } from '#shared/api/types/autoscaling-v2.ts';

const unknown = '<unknown>';

/** Current and wanted values of the first two metrics. */
export function formatMetrics(
  specs: readonly MetricSpec[] | undefined,
  statuses: readonly MetricStatus[],
): string {
  if (!specs?.length) return '<none>';
  const all = specs.map((spec, index) => formatMetric(spec, statuses[index]));
  const text = all.slice(0, 2).join(', ');
  return all.length > 2 ? `${text} + ${all.length - 2} more...` : text;
}

function formatMetric(spec: MetricSpec, status: MetricStatus | undefined): string {
  switch (spec.type) {
    case 'External':
      return formatValue(spec.external?.target, status?.external?.current);
    case 'Object':
      return formatValue(spec.object?.target, status?.object?.current);
    case 'Pods':
      return `${status?.pods?.current.averageValue ?? unknown}/${spec.pods?.target.averageValue}`;
    case 'Resource':
      return `${spec.resource?.name}: ${formatUse(spec.resource?.target, status?.resource?.current)}`;
    case 'ContainerResource': {
      const { name, target } = spec.containerResource ?? {};
      return `${name}: ${formatUse(target, status?.containerResource?.current)}`;
    }
    default:
      return '<unknown type>';
  }
}

interface Values {
  readonly value?: string;
  readonly averageValue?: string;
  readonly averageUtilization?: number;
}

function formatValue(target: Values | undefined, current: Values | undefined): string {
  if (target?.averageValue !== undefined) {
    return `${current?.averageValue ?? unknown}/${target.averageValue} (avg)`;
  }
  return `${current?.value ?? unknown}/${target?.value ?? ''}`;
}

function formatUse(target: Values | undefined, current: Values | undefined): string {
  if (target?.averageValue !== undefined) {
    return `${current?.averageValue ?? unknown}/${target.averageValue}`;
  }
  const percent = (use: number | undefined, other: string): string =>
    use === undefined ? other : `${use}%`;
  const wanted = percent(target?.averageUtilization, '<auto>');
  return `${percent(current?.averageUtilization, unknown)}/${wanted}`;
}
