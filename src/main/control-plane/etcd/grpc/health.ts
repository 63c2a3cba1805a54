import { healthRequest, healthResponse, healthStatus } from './messages.ts';
import { streaming, unary, type Method } from './server.ts';

/** gRPC's own health service, which newer clients of etcd ask before they choose a member. */
export function healthMethods(): Method[] {
  const types = [healthRequest, healthResponse] as const;
  const serving = { status: healthStatus.serving };
  return [
    unary('/grpc.health.v1.Health/Check', types, async () => serving),
    // While there is somebody to say it, the state does not change.
    streaming('/grpc.health.v1.Health/Watch', types, (call) => {
      call.onMessage(() => void call.write(serving));
    }),
  ];
}
