import type { FaceContext } from './context.ts';
import { authStatusResponse, empty, headerOnly } from './messages.ts';
import { unary, type Method } from './server.ts';
import { GrpcError, grpcStatus } from './status.ts';

/** Who may do what is decided by client certificates: etcd's own users are off, and stay off. */
export function authMethods({ header }: FaceContext): Method[] {
  const service = '/etcdserverpb.Auth/';
  const refusal = (method: string, status: number, message: string): Method =>
    unary(`${service}${method}`, [empty, headerOnly], async () => {
      throw new GrpcError(status, message);
    });
  const off = 'etcdserver: authentication is not enabled';
  const managed = "Pilothouse's store admits clients by certificate and keeps no users or roles";
  return [
    unary(`${service}AuthStatus`, [empty, authStatusResponse], async () => ({
      header: header(),
      enabled: false,
      authRevision: 1,
    })),
    refusal('Authenticate', grpcStatus.failedPrecondition, off),
    unary(`${service}AuthDisable`, [empty, headerOnly], async () => ({ header: header() })),
    ...userAndRoleMethods.map((name) => refusal(name, grpcStatus.unimplemented, managed)),
  ];
}

const userAndRoleMethods = [
  'AuthEnable',
  'UserAdd',
  'UserGet',
  'UserList',
  'UserDelete',
  'UserChangePassword',
  'UserGrantRole',
  'UserRevokeRole',
  'RoleAdd',
  'RoleGet',
  'RoleList',
  'RoleDelete',
  'RoleGrantPermission',
  'RoleRevokePermission',
];
