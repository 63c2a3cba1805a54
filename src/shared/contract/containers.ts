import * as v from 'valibot';
import { call, stream } from '#shared/contract/contract.ts';

/** What a running command writes, or how it ended. */
export type TerminalOutput =
  | { readonly type: 'open' }
  | { readonly type: 'output'; readonly text: string }
  /** `code` is the command's own; absent where it did not come to that. */
  | { readonly type: 'ended'; readonly code?: number; readonly why?: string };

/** What a forwarded port leads to: it is looked up again for every connection. */
export interface ForwardTarget {
  readonly kind:
    | 'pods'
    | 'services'
    | 'deployments'
    | 'statefulsets'
    | 'daemonsets'
    | 'replicasets';
  readonly namespace: string;
  readonly name: string;
}

export interface PortForward {
  readonly id: string;
  readonly target: ForwardTarget;
  /** The target's own. */
  readonly port: number;
  readonly localPort: number;
  /** Milliseconds since 1970. */
  readonly since: number;
  /** Where the last connection went. */
  readonly pod?: string;
  readonly connections: number;
  /** Why the last connection failed; gone once one succeeds. */
  readonly problem?: string;
}

const name = v.pipe(v.string(), v.minLength(1), v.maxLength(253));
const id = v.pipe(v.string(), v.uuid());
const port = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65_535));
const cells = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(10_000));
const container = { namespace: name, pod: name, container: name };

/** What the window may ask of what runs in pods. */
export const containerOperations = {
  /** A container's log as text, in pieces; each line begins with its time. */
  containerLog: stream(
    v.strictObject({
      ...container,
      follow: v.boolean(),
      previous: v.optional(v.boolean()),
      tailLines: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(1_000_000))),
      /** Lines from then on; RFC 3339. */
      sinceTime: v.optional(v.pipe(v.string(), v.maxLength(40))),
    }),
  ).yields<string>(),
  /** Runs a command with a terminal, under an id of the window's own. */
  terminal: stream(
    v.strictObject({
      id,
      ...container,
      command: v.pipe(
        v.array(v.pipe(v.string(), v.maxLength(4096))),
        v.minLength(1),
        v.maxLength(64),
      ),
      columns: cells,
      rows: cells,
    }),
  ).yields<TerminalOutput>(),
  typeIntoTerminal: call(
    v.strictObject({ id, text: v.pipe(v.string(), v.maxLength(1 << 20)) }),
  ).returns<null>(),
  resizeTerminal: call(v.strictObject({ id, columns: cells, rows: cells })).returns<null>(),
  /** The forwarded ports; told again whenever anything about them changes. */
  portForwards: stream(v.strictObject({})).yields<readonly PortForward[]>(),
  /** Listens on 127.0.0.1, on any free port unless one is named, until it is stopped or the app ends. */
  startPortForward: call(
    v.strictObject({
      target: v.strictObject({
        kind: v.picklist([
          'pods',
          'services',
          'deployments',
          'statefulsets',
          'daemonsets',
          'replicasets',
        ]),
        namespace: name,
        name,
      }),
      port,
      localPort: v.optional(port),
    }),
  ).returns<PortForward>(),
  stopPortForward: call(v.strictObject({ id })).returns<null>(),
};
