import { expect, test } from 'vitest';
import { resources } from '#shared/api/index.ts';
import * as own from './resources.ts';

test.each(Object.values(own).map((one) => [one.plural, one] as const))(
  'an agent knows %s as the API does',
  (_plural, { group, version, kind, plural, singular, scope, type }) => {
    const served = resources.find((one) => one.group === group && one.plural === plural);
    expect(served).toMatchObject({ group, version, kind, plural, singular, scope, type });
  },
);
