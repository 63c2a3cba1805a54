import { expect, test } from 'vitest';
import { cellTone } from './cell-tone.ts';

test.each([
  ['Status', 'Running', 'plain'],
  ['Status', 'Completed', 'plain'],
  ['Status', 'ContainerCreating', 'attention'],
  ['Status', 'Ready,SchedulingDisabled', 'attention'],
  ['Status', 'Init:0/1', 'attention'],
  ['Status', 'Init:CrashLoopBackOff', 'bad'],
  ['Status', 'ImagePullBackOff', 'bad'],
  ['Status', 'Lost', 'bad'],
  ['Type', 'Warning', 'attention'],
  ['Type', 'ClusterIP', 'plain'],
  ['Ready', '1/2', 'attention'],
  ['Ready', '10/10', 'plain'],
  ['Ready', 'True', 'plain'],
  ['Name', 'Failed', 'plain'],
])('%s %s is %s', (column, text, tone) => {
  expect(cellTone(column, text)).toBe(tone);
});
