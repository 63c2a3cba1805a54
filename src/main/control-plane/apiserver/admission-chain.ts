import { Reinvocation } from '#main/control-plane/apiserver/admission/dynamic/reinvocation.ts';
import type {
  AdmissionContext,
  AdmissionOperation,
  AdmissionPlugin,
  AdmissionRequest,
} from '#main/control-plane/apiserver/admission/plugin.ts';
import type { Resource } from '#shared/kube/resource.ts';

/** Takes back what validating plugins charged for a write that did not happen. */
export type Revert = () => Promise<void>;

interface Route {
  readonly admit: readonly AdmissionPlugin[];
  readonly validate: readonly AdmissionPlugin[];
}

/** The admission plugins in their order; which of them a kind of request concerns is asked once. */
export class AdmissionChain {
  readonly #plugins: readonly AdmissionPlugin[];
  readonly #context: AdmissionContext;
  readonly #routes = new WeakMap<Resource, Map<string, Route>>();

  constructor(plugins: readonly AdmissionPlugin[], context: AdmissionContext) {
    this.#plugins = plugins;
    this.#context = context;
  }

  /**
   * Lets the plugins change the object, one after the other; again, once, if one of those that
   * others define has changed what earlier ones had seen.
   */
  async admit(request: AdmissionRequest): Promise<void> {
    const { operation, resource, subresource } = request;
    const { admit } = this.#route(operation, resource, subresource);
    const reinvocation = new Reinvocation();
    await this.#admitOnce(request, admit, reinvocation);
    if (!reinvocation.isWanted) return;
    reinvocation.isSecondRound = true;
    await this.#admitOnce(request, admit, reinvocation);
  }

  async #admitOnce(
    request: AdmissionRequest,
    plugins: readonly AdmissionPlugin[],
    reinvocation: Reinvocation,
  ): Promise<void> {
    for (const plugin of plugins) {
      const waits = plugin.admit!(request, this.#context, reinvocation);
      if (waits) await waits;
    }
  }

  /** Asks the plugins for their consent; what came before a refusal is taken back. */
  async validate(request: AdmissionRequest): Promise<Revert | undefined> {
    const { operation, resource, subresource } = request;
    const { validate } = this.#route(operation, resource, subresource);
    const charged: AdmissionPlugin[] = [];
    const revert: Revert = async () => {
      for (const plugin of charged.toReversed()) await plugin.revert!(request, this.#context);
    };
    try {
      for (const plugin of validate) {
        const waits = plugin.validate!(request, this.#context);
        if (waits) await waits;
        if (plugin.revert) charged.push(plugin);
      }
    } catch (error) {
      await revert();
      throw error;
    }
    return charged.length > 0 ? revert : undefined;
  }

  #route(operation: AdmissionOperation, resource: Resource, subresource: string): Route {
    let routes = this.#routes.get(resource);
    if (!routes) this.#routes.set(resource, (routes = new Map()));
    const key = `${operation}/${subresource}`;
    let route = routes.get(key);
    if (!route) {
      const concerned = this.#plugins.filter((plugin) =>
        plugin.handles(operation, resource, subresource),
      );
      route = {
        admit: concerned.filter((plugin) => plugin.admit),
        validate: concerned.filter((plugin) => plugin.validate),
      };
      routes.set(key, route);
    }
    return route;
  }
}
