import { fork, type ChildProcess } from 'node:child_process';
import { app, utilityProcess, type MessagePortMain, type UtilityProcess } from 'electron';
import * as v from 'valibot';
import {
  fromControlPlane,
  windowFrame,
  type FromControlPlane,
  type PortNotice,
  type ToControlPlane,
} from '#shared/contract/supervision.ts';

/** The cluster's process, whichever way it was started. */
export interface ControlPlaneProcess {
  /** Gives one window its way in; the port is the process's from now on. */
  connect(window: number, port: MessagePortMain): void;
  tell(message: ToControlPlane): void;
  /** Ends the process at once. */
  kill(): void;
  /** Resolves with the reason when the process has ended, wanted or not. */
  readonly exited: Promise<string>;
}

export interface ControlPlaneOptions {
  /** The script that runs the cluster. */
  readonly entry: string;
  readonly args: readonly string[];
  /** A Node to run it in, where the environment names one; Electron's own otherwise. */
  readonly node: string | undefined;
  onReady(): void;
  onFailed(why: string, isFinal: boolean): void;
  /** Told of messages that no honest window or cluster sends. */
  onRefused(why: string): void;
}

/** Starts the cluster's process: a utility process, or a plain Node child where a Node is named. */
export function startControlPlane(options: ControlPlaneOptions): ControlPlaneProcess {
  return options.node === undefined ? inUtilityProcess(options) : inNode(options, options.node);
}

/** The last word on a port: the page learns why nobody answers any more. */
export function closePort(port: MessagePortMain, why: string): void {
  port.postMessage({ type: 'closed', why } satisfies PortNotice);
  port.close();
}

const serviceName = 'Pilothouse control plane';
const goneReportMs = 100;

function inUtilityProcess(options: ControlPlaneOptions): ControlPlaneProcess {
  const child: UtilityProcess = utilityProcess.fork(options.entry, [...options.args], {
    serviceName,
  });
  const exited = new Promise<string>((resolve) => {
    // The exit code says nothing about a kill; the app's own event does.
    app.on('child-process-gone', function report(_event, { name, reason }) {
      if (name !== serviceName) return;
      app.off('child-process-gone', report);
      resolve(reason);
    });
    child.once('exit', (code) => setTimeout(() => resolve(`exit code ${code}`), goneReportMs));
  });
  child.on('message', (raw: unknown) => understand(raw, options));
  return {
    connect: (window, port) => child.postMessage({ type: 'connect', window }, [port]),
    tell: (message) => child.postMessage(message),
    kill: () => void child.kill(),
    exited,
  };
}

/** An Electron whose own Node is too old: frames are pumped between the window's port and the child. */
function inNode(options: ControlPlaneOptions, node: string): ControlPlaneProcess {
  const { ELECTRON_RUN_AS_NODE: _unwanted, ...env } = process.env;
  const child: ChildProcess = fork(options.entry, [...options.args], {
    execPath: node,
    execArgv: [],
    serialization: 'advanced',
    env,
  });
  const ports = new Map<number, MessagePortMain>();
  const exited = new Promise<string>((resolve) => {
    child.once('exit', (code, signal) => resolve(signal ?? `exit code ${code}`));
    child.on('error', (error) => resolve(error.message));
  });
  const tell = (message: ToControlPlane): void => {
    // A child that has just gone is no error here: its end is told by `exited`.
    if (child.connected) child.send(message, () => {});
  };
  child.on('message', (raw) => {
    const message = understand(raw, options);
    if (message?.type === 'frame') ports.get(message.window)?.postMessage(message.frame);
  });
  void closeAllAfter(exited, ports);
  return {
    connect(window, port) {
      ports.set(window, port);
      tell({ type: 'connect', window });
      port.on('message', ({ data }) => {
        const frame = v.safeParse(windowFrame, data);
        if (frame.success) tell({ type: 'frame', window, frame: frame.output });
        else options.onRefused('a frame of the window that is no text, or too long');
      });
      port.on('close', () => {
        if (ports.delete(window)) tell({ type: 'disconnect', window });
      });
      port.start();
    },
    tell,
    kill: () => void child.kill('SIGKILL'),
    exited,
  };
}

async function closeAllAfter(
  exited: Promise<string>,
  ports: Map<number, MessagePortMain>,
): Promise<void> {
  const reason = await exited;
  const left = [...ports.values()];
  ports.clear();
  for (const port of left) closePort(port, `The cluster’s process ended: ${reason}`);
}

/** Reads one message of the cluster's process and acts on what is about the process itself. */
function understand(
  raw: unknown,
  { onReady, onFailed, onRefused }: ControlPlaneOptions,
): FromControlPlane | undefined {
  const parsed = v.safeParse(fromControlPlane, raw);
  if (!parsed.success) {
    onRefused('a message of the cluster’s process of no known form');
    return undefined;
  }
  if (parsed.output.type === 'ready') onReady();
  if (parsed.output.type === 'failed') onFailed(parsed.output.why, parsed.output.isFinal);
  return parsed.output;
}
