import { jsonAnswer, type PathRoutes } from '#main/control-plane/apiserver/http/paths.ts';
import type { RunningScheduler } from '#main/control-plane/scheduler/index.ts';
import { ApiError } from '#shared/kube/errors.ts';

/**
 * Where the scheduler tells of its decisions: `<prefix>records`, `queues`, `simulate`. Whoever may
 * ask is decided by RBAC on the path, as for any URL that is no resource.
 */
export const schedulerPath = '/pilothouse/scheduler/';

export function addSchedulerPaths(routes: PathRoutes, scheduler: RunningScheduler): void {
  routes.addBelow(schedulerPath, async ({ method, path, query, body }) => {
    const request = {
      method,
      path: path.slice(schedulerPath.length - 1),
      query,
      ...(method === 'POST' && { body: parse(await body()) }),
    };
    const { status: code, body: answer } = scheduler.handle(request);
    return { ...jsonAnswer(answer), code };
  });
}

function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString()) as unknown;
  } catch (cause) {
    throw new ApiError('BadRequest', `The body is no JSON: ${(cause as Error).message}`, { cause });
  }
}
