import type {
  ExemptPriorityLevelConfiguration,
  LimitedPriorityLevelConfiguration,
  LimitResponse,
  PriorityLevelConfigurationSpec,
  QueuingConfiguration,
} from '#shared/api/types/flowcontrol-v1.ts';
import type { FieldError } from '#shared/kube/errors.ts';
import { forbiddenValue, invalidValue, notSupported, required } from '#shared/kube/field-error.ts';

const mostQueues = 10_000_000;
const mostHashBits = 60;
const isNoCount = 'must be a non-negative integer';

export function* validatePriorityLevelSpec(
  { type, limited, exempt }: PriorityLevelConfigurationSpec,
  name: string,
): Iterable<FieldError> {
  if ((name === 'exempt') !== (type === 'Exempt')) {
    yield invalidValue(
      'spec.type',
      type ?? '',
      "must be 'Exempt' if and only if `name` is 'exempt'",
    );
  }
  if (type === 'Exempt') {
    if (limited) yield forbiddenValue('spec.limited', 'must be nil if the type is not Limited');
    if (exempt) yield* validateExempt(exempt);
  } else if (type === 'Limited') {
    if (exempt) yield forbiddenValue('spec.exempt', 'must be nil if the type is Limited');
    if (limited) yield* validateLimited(limited);
    else yield required('spec.limited', 'must not be empty when type is Limited');
  } else if (type) yield notSupported('spec.type', type, ['Exempt', 'Limited']);
  else yield required('spec.type');
}

function* validateExempt({
  nominalConcurrencyShares: shares = 0,
  lendablePercent,
}: ExemptPriorityLevelConfiguration): Iterable<FieldError> {
  if (shares < 0) yield invalidValue('spec.exempt.nominalConcurrencyShares', shares, isNoCount);
  yield* validatePercent(lendablePercent, 'spec.exempt.lendablePercent');
}

function* validateLimited(limited: LimitedPriorityLevelConfiguration): Iterable<FieldError> {
  const { nominalConcurrencyShares: shares = 0, borrowingLimitPercent: borrowing = 0 } = limited;
  if (shares < 0) yield invalidValue('spec.limited.nominalConcurrencyShares', shares, isNoCount);
  yield* validateResponse(limited.limitResponse);
  yield* validatePercent(limited.lendablePercent, 'spec.limited.lendablePercent');
  if (borrowing < 0) {
    yield invalidValue(
      'spec.limited.borrowingLimitPercent',
      borrowing,
      `if specified, ${isNoCount}`,
    );
  }
}

function* validatePercent(percent: number | undefined, field: string): Iterable<FieldError> {
  if (percent === undefined || (percent >= 0 && percent <= 100)) return;
  yield invalidValue(field, percent, 'must be between 0 and 100, inclusive');
}

function* validateResponse({ type, queuing }: LimitResponse): Iterable<FieldError> {
  const field = 'spec.limited.limitResponse';
  if (type === 'Reject') {
    if (queuing) {
      yield forbiddenValue(
        `${field}.queuing`,
        'must be nil if limited.limitResponse.type is not Limited',
      );
    }
  } else if (type === 'Queue') {
    if (queuing) yield* validateQueuing(queuing, `${field}.queuing`);
    else {
      yield required(
        `${field}.queuing`,
        'must not be empty if limited.limitResponse.type is Limited',
      );
    }
  } else if (type) yield notSupported(`${field}.type`, type, ['Queue', 'Reject']);
  else yield required(`${field}.type`);
}

function* validateQueuing(
  { queueLengthLimit, queues, handSize }: QueuingConfiguration,
  field: string,
): Iterable<FieldError> {
  if (queueLengthLimit <= 0) {
    yield invalidValue(`${field}.queueLengthLimit`, queueLengthLimit, 'must be positive');
  }
  if (queues <= 0) yield invalidValue(`${field}.queues`, queues, 'must be positive');
  else if (queues > mostQueues) {
    yield invalidValue(`${field}.queues`, queues, `must not be greater than ${mostQueues}`);
  }
  const path = `${field}.handSize`;
  if (handSize <= 0) yield invalidValue(path, handSize, 'must be positive');
  else if (handSize > queues) {
    yield invalidValue(path, handSize, `should not be greater than queues (${queues})`);
  } else if (Math.ceil(Math.log2(queues) * handSize) > mostHashBits) {
    yield invalidValue(
      path,
      handSize,
      `required entropy bits of deckSize ${queues} and handSize ${handSize} should not be greater than ${mostHashBits}`,
    );
  }
}
