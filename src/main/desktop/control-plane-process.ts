import { fork, type ChildProcess } from 'node:child_process';
import { app, utilityProcess, type MessagePortMain, type UtilityProcess } from 'electron';

/** What the shell and the process that runs the cluster say to each other; frames are the window's own. */
export type ToControlPlane =
  | { readonly type: 'connect'; readonly window: number }
  | { readonly type: 'frame'; readonly window: number; readonly frame: unknown }
  | { readonly type: 'disconnect'; readonly window: number }
  | { readonly type: 'power'; readonly state: 'suspend' | 'resume' }
  | { readonly type: 'stop' };

export type FromControlPlane =
  | { readonly type: 'ready'; readonly server: string; readonly kubeconfig: string }
  | { readonly type: 'frame'; readonly window: number; readonly frame: unknown };

/** The cluster's process, whichever way it was started. */
export interface ControlPlaneProcess {
  /** Gives one window its way in; the port is the process's from now on. */
  connect(window: number, port: MessagePortMain): void;
  tell(message: ToControlPlane): void;
  /** Ends the cluster cleanly; resolves when the process is gone. */
  stop(): Promise<void>;
  /** Resolves with the reason when the process has ended, wanted or not. */
  readonly exited: Promise<string>;
}

export interface ControlPlaneOptions {
  /** The script that runs the cluster. */
  readonly entry: string;
  readonly args: readonly string[];
  /** A Node to run it in, where the environment names one; Electron's own otherwise. */
  readonly node: string | undefined;
  onReady(ready: { readonly server: string; readonly kubeconfig: string }): void;
}

/** Starts the cluster's process: a utility process, or a plain Node child where a Node is named. */
export function startControlPlane(options: ControlPlaneOptions): ControlPlaneProcess {
  return options.node === undefined ? inUtilityProcess(options) : inNode(options, options.node);
}

function inUtilityProcess({ entry, args, onReady }: ControlPlaneOptions): ControlPlaneProcess {
  const child: UtilityProcess = utilityProcess.fork(entry, [...args], {
    serviceName: 'Pilothouse control plane',
  });
  const exited = new Promise<string>((resolve) => {
    child.once('exit', (code) => resolve(`exit code ${code}`));
    // The exit code says nothing about a kill; the app's own event does.
    app.on('child-process-gone', (_event, { type, reason }) => {
      if (type === 'Utility') resolve(reason);
    });
  });
  child.on('message', (message: FromControlPlane) => {
    if (message.type === 'ready') onReady(message);
  });
  const tell = (message: ToControlPlane): void => child.postMessage(message);
  return {
    connect: (window, port) => child.postMessage({ type: 'connect', window }, [port]),
    tell,
    async stop() {
      tell({ type: 'stop' });
      await exited;
    },
    exited,
  };
}

/** An Electron whose own Node is too old: frames are pumped between the window's port and the child. */
function inNode({ entry, args, onReady }: ControlPlaneOptions, node: string): ControlPlaneProcess {
  const { ELECTRON_RUN_AS_NODE: _unwanted, ...env } = process.env;
  const child: ChildProcess = fork(entry, args, {
    execPath: node,
    execArgv: [],
    serialization: 'advanced',
    env,
  });
  const ports = new Map<number, MessagePortMain>();
  const exited = new Promise<string>((resolve) => {
    child.once('exit', (code, signal) => resolve(signal ?? `exit code ${code}`));
    child.once('error', (error) => resolve(error.message));
  });
  const tell = (message: ToControlPlane): void => {
    if (child.connected) child.send(message);
  };
  child.on('message', (raw) => {
    const message = raw as FromControlPlane;
    if (message.type === 'ready') onReady(message);
    else ports.get(message.window)?.postMessage(message.frame);
  });
  void exited.then(() => ports.forEach((port) => port.close()));
  return {
    connect(window, port) {
      ports.set(window, port);
      tell({ type: 'connect', window });
      port.on('message', ({ data }) => tell({ type: 'frame', window, frame: data as unknown }));
      port.on('close', () => {
        ports.delete(window);
        tell({ type: 'disconnect', window });
      });
      port.start();
    },
    tell,
    async stop() {
      tell({ type: 'stop' });
      await exited;
    },
    exited,
  };
}
