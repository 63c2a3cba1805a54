/** Why a container cannot run now: the reason that it waits with, and the sentence. */
export class ContainerError extends Error {
  override readonly name = 'ContainerError';
  readonly reason: string;

  constructor(reason: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}
