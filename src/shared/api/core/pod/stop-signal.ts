import type { FieldError } from '#shared/kube/errors.ts';
import { forbiddenValue, notSupported } from '#shared/kube/field-error.ts';

const named =
  'ABRT ALRM BUS CHLD CLD CONT FPE HUP ILL INT IO IOT KILL PIPE POLL PROF PWR QUIT SEGV STKFLT STOP SYS TERM TRAP TSTP TTIN TTOU URG USR1 USR2 VTALRM WINCH XCPU XFSZ RTMIN RTMAX';
const realTime = [
  ...Array.from({ length: 15 }, (_, index) => `RTMIN+${index + 1}`),
  ...Array.from({ length: 14 }, (_, index) => `RTMAX-${index + 1}`),
];
const linuxSignals = [...named.split(' '), ...realTime].map((signal) => `SIG${signal}`);
const windowsSignals = ['SIGKILL', 'SIGTERM'];

export function* validateStopSignal(
  signal: string,
  field: string,
  os: string | undefined,
): Iterable<FieldError> {
  if (os === undefined) {
    yield forbiddenValue(field, 'may not be set for containers with empty `spec.os.name`');
    return;
  }
  if (os !== 'windows' && os !== 'linux') return;
  const supported = os === 'windows' ? windowsSignals : linuxSignals;
  if (!supported.includes(signal)) yield notSupported(field, signal, supported);
}
