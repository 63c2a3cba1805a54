import {
  textAnswer,
  type PathAnswer,
  type PathHandler,
  type PathRoutes,
} from '#main/control-plane/apiserver/http/paths.ts';

export interface HealthCheck {
  readonly name: string;
  /** Throws, or says nothing. */
  check(): Promise<void> | void;
}

/** `/healthz`, `/livez` and `/readyz`, whole and check by check, as upstream answers them. */
export function addHealth(
  routes: PathRoutes,
  checks: Readonly<Record<'healthz' | 'livez' | 'readyz', readonly HealthCheck[]>>,
): void {
  for (const [name, own] of Object.entries(checks)) {
    routes.add(`/${name}`, all(name, own));
    for (const check of own) routes.add(`/${name}/${check.name}`, one(check));
  }
}

function all(name: string, checks: readonly HealthCheck[]): PathHandler {
  return async ({ query }) => {
    const excluded = new Set((query['exclude'] ?? '').split(','));
    const lines: string[] = [];
    let isHealthy = true;
    for (const check of checks) {
      if (excluded.has(check.name)) lines.push(`[+]${check.name} excluded: ok`);
      else if (await passes(check)) lines.push(`[+]${check.name} ok`);
      else {
        isHealthy = false;
        lines.push(`[-]${check.name} failed: reason withheld`);
      }
    }
    const text = `${lines.join('\n')}\n`;
    if (!isHealthy) return textAnswer(`${text}${name} check failed\n`, 500);
    return textAnswer('verbose' in query ? `${text}${name} check passed\n` : 'ok');
  };
}

function one(check: HealthCheck): PathHandler {
  return async (): Promise<PathAnswer> =>
    (await passes(check))
      ? textAnswer('ok')
      : textAnswer('internal server error: reason withheld\n', 500);
}

async function passes({ check }: HealthCheck): Promise<boolean> {
  try {
    await check();
    return true;
  } catch {
    return false; // the answer is the point: the check has failed
  }
}
