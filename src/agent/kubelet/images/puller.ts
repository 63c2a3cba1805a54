import { RuntimeError } from '#agent/container-runtime/runtime-error.ts';
import type { PodSandboxConfig, RuntimeImage } from '#agent/container-runtime/types.ts';
import type { Pod, Secret } from '#shared/api/types/core-v1.ts';
import { Backoff } from '../backoff.ts';
import type { KubeletContext } from '../context.ts';
import { ContainerError } from '../containers/container-error.ts';
import { credentialsFor } from './credentials.ts';
import { withDefaultTag } from './reference.ts';

export interface PullRequest {
  readonly pod: Pod;
  /** As the pod names it. */
  readonly named: string;
  readonly policy: string;
  /** Of the container that the image is for, if it is for one alone. */
  readonly fieldPath: string | undefined;
  readonly secrets: readonly Secret[];
  readonly sandboxConfig: PodSandboxConfig;
  readonly signal: AbortSignal;
}

const initialMs = 10_000;
const maxMs = 300_000;

/** Sees to it that an image is there, by its policy, one pull of an image at a time. */
export class ImagePuller {
  readonly #context: KubeletContext;
  readonly #backoff: Backoff;
  /** By pod and image: why the last pull failed, and when. */
  readonly #failures = new Map<string, { readonly why: string; readonly at: number }>();
  readonly #pulling = new Map<string, Promise<string>>();

  constructor(context: KubeletContext) {
    this.#context = context;
    this.#backoff = new Backoff({ clock: context.clock, initialMs, maxMs });
  }

  /** The image as the runtime has it. Throws a `ContainerError` whose reason the container waits with. */
  async ensure(request: PullRequest): Promise<RuntimeImage> {
    const { named, policy } = request;
    const image = this.#nameOf(request);
    const present = await this.#present(image);
    if (present && policy !== 'Always') {
      const message = `Container image "${named}" already present on machine and can be accessed by the pod`;
      this.#tell(request, 'Normal', 'Pulled', message);
      return present;
    }
    if (policy === 'Never') {
      const message = `Container image "${named}" is not present with pull policy of Never`;
      this.#tell(request, 'Warning', 'ErrImageNeverPull', message);
      throw new ContainerError('ErrImageNeverPull', message);
    }
    return await this.#pull(request, image);
  }

  /** The pod is no more: nobody asks again. */
  forget(uid: string): void {
    const prefix = `${uid}_`;
    this.#backoff.forget(prefix);
    for (const key of this.#failures.keys()) if (key.startsWith(prefix)) this.#failures.delete(key);
  }

  async #pull(request: PullRequest, image: string): Promise<RuntimeImage> {
    const { pod, named } = request;
    const key = `${pod.metadata.uid}_${image}`;
    const { clock } = this.#context;
    const last = this.#failures.get(key);
    if (last && this.#backoff.remaining(key, last.at) > 0) {
      const message = `Back-off pulling image "${named}": ${last.why}`;
      this.#tell(request, 'Normal', 'BackOff', `Back-off pulling image "${named}"`);
      throw new ContainerError('ImagePullBackOff', message);
    }
    this.#tell(request, 'Normal', 'Pulling', `Pulling image "${named}"`);
    const startedAt = clock.elapsed();
    try {
      await this.#shared(image, request);
    } catch (error) {
      if (request.signal.aborted) throw error;
      throw this.#failed(request, key, error as Error);
    }
    this.#failures.delete(key);
    const pulled = await this.#present(image);
    if (!pulled)
      throw new ContainerError('ErrImagePull', `image "${named}" is not there after its pull`);
    const took = Math.round(clock.elapsed() - startedAt);
    const message = `Successfully pulled image "${named}" in ${took}ms (${took}ms including waiting). Image size: ${pulled.size} bytes.`;
    this.#tell(request, 'Normal', 'Pulled', message);
    return pulled;
  }

  #failed(request: PullRequest, key: string, error: Error): ContainerError {
    const { named } = request;
    const details = error.message;
    const now = this.#context.clock.now();
    this.#tell(request, 'Warning', 'Failed', `Failed to pull image "${named}": ${details}`);
    this.#backoff.next(key, now);
    this.#failures.set(key, { why: `ErrImagePull: ${details}`, at: now });
    return new ContainerError('ErrImagePull', details);
  }

  /** Several pods that want the same image with the same logins share one pull. */
  #shared(image: string, request: PullRequest): Promise<string> {
    const key = `${image} ${request.secrets.map(({ metadata }) => metadata.uid).join()}`;
    const running = this.#pulling.get(key);
    if (running) return running;
    const pull = this.#withLogins(image, request).finally(() => this.#pulling.delete(key));
    this.#pulling.set(key, pull);
    return pull;
  }

  async #withLogins(image: string, { secrets, sandboxConfig }: PullRequest): Promise<string> {
    const { runtime } = this.#context;
    const logins = credentialsFor(image, secrets);
    const ways = logins.length > 0 ? logins : [undefined];
    let failure: unknown;
    for (const auth of ways) {
      try {
        const { imageRef } = await runtime.pullImage(
          { image: { image }, sandboxConfig, ...(auth && { auth }) },
          { timeoutMs: Infinity },
        );
        return imageRef;
      } catch (error) {
        failure = error;
      }
    }
    throw failure;
  }

  async #present(image: string): Promise<RuntimeImage | undefined> {
    try {
      return (await this.#context.runtime.imageStatus({ image: { image } })).image;
    } catch (error) {
      if (!RuntimeError.is(error)) throw error;
      throw new ContainerError(
        'ImageInspectError',
        `Failed to inspect image "${image}": ${error.message}`,
      );
    }
  }

  #nameOf(request: PullRequest): string {
    const { named } = request;
    try {
      return withDefaultTag(named);
    } catch (cause) {
      const message = `Failed to apply default image tag "${named}": ${(cause as Error).message}`;
      this.#tell(request, 'Warning', 'InspectFailed', message);
      throw new ContainerError('InvalidImageName', message, { cause });
    }
  }

  #tell(
    { pod, fieldPath }: PullRequest,
    type: 'Normal' | 'Warning',
    reason: string,
    message: string,
  ): void {
    const about = fieldPath === undefined ? pod : { ...pod, fieldPath };
    this.#context.recorder.record(about, type, reason, message);
  }
}
