import type { Container, Pod } from '#shared/api/types/core-v1.ts';

/** Whether a container that ended with this exit code is started again, rules before policies. */
export function restartsAfter(pod: Pod, container: Container, exitCode: number): boolean {
  for (const rule of container.restartPolicyRules ?? []) {
    const { operator, values = [] } = rule.exitCodes ?? {};
    const isListed = values.includes(exitCode);
    if (rule.exitCodes && (operator === 'NotIn' ? !isListed : isListed)) return true;
  }
  const policy = container.restartPolicy ?? pod.spec.restartPolicy ?? 'Always';
  if (policy === 'Always') return true;
  return policy === 'OnFailure' && exitCode !== 0;
}
