import {
  capital,
  groupName,
  type Method,
  type Operation,
  type PathOperations,
  type Payload,
  tagOf,
} from '#main/control-plane/apiserver/openapi/operations.ts';
import {
  collectionParameters,
  connectParameters,
  deleteParameters,
  listParameters,
  logParameters,
  writeParameters,
} from '#main/control-plane/apiserver/openapi/parameter-names.ts';
import { typeData, typeNames } from '#shared/api/schema/type-data.ts';
import {
  allVerbs,
  groupVersionOf,
  type Resource,
  type Subresource,
} from '#shared/kube/resource.ts';

const patchTypes = [
  'application/json-patch+json',
  'application/merge-patch+json',
  'application/strategic-merge-patch+json',
  'application/apply-patch+yaml',
];

const customPatchTypes = patchTypes.filter((type) => !type.includes('strategic'));

/** How the payloads of a kind are found: built-in kinds by type, a CRD's by the definition it publishes. */
export interface KindPayloads {
  readonly object: Payload;
  readonly list: Payload;
  /** Custom resources know no strategic merge patch, no protobuf and none of the old watch paths. */
  readonly isCustom?: boolean;
}

/** All paths of one resource, subresources and deprecated watch paths included. */
export function resourcePaths(
  resource: Resource,
  payloads: KindPayloads = builtInPayloads(resource),
): readonly PathOperations[] {
  return new ResourcePaths(resource, payloads).all();
}

function builtInPayloads({ type }: Resource): KindPayloads {
  return { object: { type }, list: { type: `${type}List` } };
}

interface Changes {
  readonly named: string;
  readonly what: string;
  readonly verbs: readonly string[];
  readonly object: Payload;
  readonly gvk?: string;
}

/** DELETE answers with these only because they are not gone yet; the documents do not say so. */
const heldByFinalizers = new Set(['namespaces', 'replicationcontrollers']);
const proxyMethods = ['get', 'put', 'post', 'delete', 'options', 'head', 'patch'];

class ResourcePaths {
  readonly #resource: Resource;
  readonly #payloads: KindPayloads;
  readonly #base: string;
  readonly #scope: string;
  readonly #versioned: string;
  readonly #gvk: string;

  constructor(resource: Resource, payloads: KindPayloads) {
    const { group, version, kind, scope } = resource;
    this.#resource = resource;
    this.#payloads = payloads;
    this.#base = group ? `/apis/${group}/${version}` : `/api/${version}`;
    this.#scope = scope === 'Namespaced' ? 'Namespaced' : '';
    this.#versioned = groupName(group) + capital(version);
    this.#gvk = `${groupVersionOf(resource)}/${kind}`;
  }

  all(): readonly PathOperations[] {
    const { plural, subresources = [] } = this.#resource;
    const inNamespace = this.#scope ? '/namespaces/{namespace}' : '';
    const path = `${this.#base}${inNamespace}/${plural}`;
    const around = this.#scope ? ['namespace', 'pretty'] : ['pretty'];
    const paths: PathOperations[] = [
      { path, parameters: around, operations: this.#collectionOperations() },
      {
        path: `${path}/{name}`,
        parameters: ['name', ...around],
        nameOf: this.#resource.kind,
        operations: this.#itemOperations(),
      },
      ...subresources.flatMap((subresource) =>
        this.#subresourcePaths(`${path}/{name}`, around, subresource),
      ),
      ...this.#everywherePaths(),
      ...this.#watchPaths(inNamespace),
    ];
    return paths.filter(({ operations }) => operations.length > 0);
  }

  #has(verb: string): boolean {
    return ((this.#resource.verbs ?? allVerbs) as readonly string[]).includes(verb);
  }

  #operation(
    parts: Omit<Operation, 'tag' | 'gvk' | 'produces'> &
      Partial<Pick<Operation, 'gvk' | 'produces'>>,
  ): Operation {
    const { group, version } = this.#resource;
    const operation = { tag: tagOf(group, version), gvk: this.#gvk, ...parts };
    if (this.#payloads.isCustom)
      return {
        consumes: ['application/json', 'application/yaml'],
        ...operation,
        produces: 'custom',
      };
    return { ...operation, produces: parts.produces ?? 'object' };
  }

  #collectionOperations(): readonly Operation[] {
    const { kind } = this.#resource;
    const { object, list } = this.#payloads;
    const named = `${this.#scope}${kind}`;
    const operations: Operation[] = [];
    if (this.#has('list')) operations.push(this.#listing(`list${this.#versioned}${named}`, list));
    if (this.#has('create'))
      operations.push(this.#creation(named, `create ${withArticle(kind)}`, object));
    if (this.#has('deletecollection'))
      operations.push(
        this.#operation({
          method: 'delete',
          id: `delete${this.#versioned}Collection${named}`,
          description: `delete collection of ${kind}`,
          action: 'deletecollection',
          parameters: collectionParameters,
          body: { payload: { type: 'meta.v1.DeleteOptions' }, isRequired: false },
          answers: [[200, { type: 'meta.v1.Status' }]],
        }),
      );
    return operations;
  }

  #listing(id: string, list: Payload): Operation {
    return this.#operation({
      method: 'get',
      id,
      description: `list ${this.#has('watch') ? 'or watch ' : ''}objects of kind ${this.#resource.kind}`,
      action: 'list',
      parameters: listParameters,
      answers: [[200, list]],
      produces: 'stream',
    });
  }

  #creation(named: string, description: string, object: Payload, gvk = this.#gvk): Operation {
    return this.#operation({
      method: 'post',
      id: `create${this.#versioned}${named}`,
      description,
      action: 'post',
      gvk,
      parameters: writeParameters,
      body: { payload: object, isRequired: true },
      answers: [
        [200, object],
        [201, object],
        [202, object],
      ],
    });
  }

  #itemOperations(): readonly Operation[] {
    const { kind, lifecycle, plural } = this.#resource;
    const { object } = this.#payloads;
    const verbs = ['get', 'update', 'patch'].filter((verb) => this.#has(verb));
    const operations = this.#changes({
      named: `${this.#scope}${kind}`,
      what: `the specified ${kind}`,
      verbs,
      object,
    });
    if (!this.#has('delete')) return operations;
    const returnsObject = lifecycle?.deleteReturnsObject && !heldByFinalizers.has(plural);
    const answer = returnsObject ? object : { type: 'meta.v1.Status' };
    const deletionOperation = this.#operation({
      method: 'delete',
      id: `delete${this.#versioned}${this.#scope}${kind}`,
      description: `delete ${withArticle(kind)}`,
      action: 'delete',
      parameters: deleteParameters,
      body: { payload: { type: 'meta.v1.DeleteOptions' }, isRequired: false },
      answers: [
        [200, answer],
        [202, answer],
      ],
    });
    return [...operations, deletionOperation];
  }

  /** get, put and patch, which objects and subresources have alike. */
  #changes({ named, what, verbs, object, gvk = this.#gvk }: Changes): Operation[] {
    const operations: Operation[] = [];
    const changed = [
      [200, object],
      [201, object],
    ] as const;
    if (verbs.includes('get'))
      operations.push(
        this.#operation({
          method: 'get',
          id: `read${this.#versioned}${named}`,
          description: `read ${what}`,
          action: 'get',
          gvk,
          parameters: [],
          answers: [[200, object]],
        }),
      );
    if (verbs.includes('update'))
      operations.push(
        this.#operation({
          method: 'put',
          id: `replace${this.#versioned}${named}`,
          description: `replace ${what}`,
          action: 'put',
          gvk,
          parameters: writeParameters,
          body: { payload: object, isRequired: true },
          answers: changed,
        }),
      );
    if (verbs.includes('patch'))
      operations.push(
        this.#operation({
          method: 'patch',
          id: `patch${this.#versioned}${named}`,
          description: `partially update ${what}`,
          action: 'patch',
          gvk,
          parameters: ['dryRun', 'fieldManager@patch', 'fieldValidation', 'force@patch'],
          body: { payload: 'patch', isRequired: true },
          consumes: this.#payloads.isCustom ? customPatchTypes : patchTypes,
          answers: changed,
        }),
      );
    return operations;
  }

  #subresourcePaths(
    itemPath: string,
    around: readonly string[],
    subresource: Subresource,
  ): readonly PathOperations[] {
    const { kind } = this.#resource;
    const { name, verbs } = subresource;
    const path = `${itemPath}/${name}`;
    if (subresource.kind.endsWith('Options')) return this.#connectPaths(path, around, subresource);
    const gvk = `${subresource.groupVersion ?? groupVersionOf(this.#resource)}/${subresource.kind}`;
    const isOwn = gvk === this.#gvk;
    const object = isOwn ? this.#payloads.object : { type: typeOfKind(gvk) };
    const named = `${this.#scope}${kind}${capital(name)}`;
    const what = `${name} of the specified ${kind}`;
    const operations = this.#changes({ named, what, verbs, object, gvk });
    if (verbs.includes('create'))
      operations.push(this.#creation(named, `create ${name} of ${withArticle(kind)}`, object, gvk));
    const isLog = name === 'log' && kind === 'Pod';
    return [
      {
        path,
        parameters: ['name', ...around],
        nameOf: subresource.kind,
        operations: isLog ? operations.map(asLog) : operations,
        ...(isLog && { subresource: name }),
      },
    ];
  }

  #connectPaths(
    path: string,
    around: readonly string[],
    { name, kind: options, verbs }: Subresource,
  ): readonly PathOperations[] {
    const { kind } = this.#resource;
    const gvk = `${groupVersionOf(this.#resource)}/${options}`;
    const isProxy = name === 'proxy';
    const methods = isProxy
      ? proxyMethods
      : verbs.map((verb) => (verb === 'create' ? 'post' : 'get'));
    const operationsFor = (suffix: string): readonly Operation[] =>
      methods.map((method) =>
        this.#operation({
          method: method as Method,
          id: `connect${this.#versioned}${capital(method)}${this.#scope}${kind}${capital(name)}${suffix}`,
          description: `connect ${method.toUpperCase()} requests to ${name} of ${kind}`,
          action: 'connect',
          gvk,
          parameters: [],
          answers: [[200, 'text']],
          produces: 'anything',
        }),
      );
    const located = ['name', ...around.filter((each) => each !== 'pretty')];
    const query = connectParameters[name] ?? [];
    const shared = {
      nameOf: options,
      subresource: isProxy ? kind.toLowerCase() : name,
    };
    const plain: PathOperations = {
      path,
      parameters: [...located, ...query],
      operations: operationsFor(''),
      ...shared,
    };
    if (!isProxy) return [plain];
    const withPath: PathOperations = {
      path: `${path}/{path}`,
      parameters: [...located, '{path}', ...query],
      operations: operationsFor('WithPath'),
      ...shared,
    };
    return [plain, withPath];
  }

  /** Listing a namespaced kind across namespaces. */
  #everywherePaths(): readonly PathOperations[] {
    if (!this.#scope || !this.#has('list')) return [];
    const { plural, kind } = this.#resource;
    const id = `list${this.#versioned}${kind}ForAllNamespaces`;
    const listing = this.#listing(id, this.#payloads.list);
    return [
      {
        path: `${this.#base}/${plural}`,
        parameters: ['pretty'],
        operations: [listing],
      },
    ];
  }

  #watchPaths(inNamespace: string): readonly PathOperations[] {
    if (!this.#has('watch') || this.#payloads.isCustom) return [];
    const { plural, kind } = this.#resource;
    const watched = (id: string, isList: boolean): readonly Operation[] => [
      this.#operation({
        method: 'get',
        id: `watch${this.#versioned}${id}`,
        description: isList
          ? `watch individual changes to a list of ${kind}. deprecated: use the 'watch' parameter with a list operation instead.`
          : `watch changes to an object of kind ${kind}. deprecated: use the 'watch' parameter with a list operation instead, filtered to a single item with the 'fieldSelector' parameter.`,
        action: isList ? 'watchlist' : 'watch',
        parameters: [],
        answers: [[200, { type: 'meta.v1.WatchEvent' }]],
        produces: 'stream',
      }),
    ];
    const query = [...listParameters, 'pretty'];
    const located = this.#scope ? ['namespace'] : [];
    const base = `${this.#base}/watch`;
    const path = `${base}${inNamespace}/${plural}`;
    const named = `${this.#scope}${kind}`;
    const paths: PathOperations[] = [
      {
        path,
        parameters: [...located, ...query],
        operations: watched(`${named}List`, true),
      },
    ];
    if (this.#has('get'))
      paths.push({
        path: `${path}/{name}`,
        parameters: ['name', ...located, ...query],
        nameOf: kind,
        operations: watched(named, false),
      });
    if (this.#scope)
      paths.push({
        path: `${base}/${plural}`,
        parameters: query,
        operations: watched(`${kind}ListForAllNamespaces`, true),
      });
    return paths;
  }
}

function asLog(operation: Operation): Operation {
  return { ...operation, parameters: logParameters, answers: [[200, 'text']], produces: 'log' };
}

/** Plurals such as `Endpoints` have none. */
function withArticle(kind: string): string {
  if (/[^s]s$/.test(kind)) return kind;
  return `${/^[AEIOU]/.test(kind) ? 'an' : 'a'} ${kind}`;
}

function typeOfKind(gvk: string): string {
  const found = typeNames.find((name) => typeData(name).gvk?.includes(gvk));
  if (!found) throw new Error(`No type is ${gvk}`);
  return found;
}
