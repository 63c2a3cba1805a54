import type { GrpcMethod } from '#agent/grpc/client.ts';
import type { Decoded, MessageType } from '#shared/base/protobuf.ts';
import * as containers from './messages/container.ts';
import { empty } from './messages/empty.ts';
import * as images from './messages/image.ts';
import * as runtime from './messages/runtime.ts';
import * as sandboxes from './messages/sandbox.ts';
import * as stats from './messages/stats.ts';

export type Request<M> = M extends { readonly request: MessageType<infer Q> } ? Partial<Q> : never;
export type Response<M> = M extends { readonly response: MessageType<infer A> }
  ? Decoded<A>
  : never;

function method<Q, A>(
  path: string,
  request: MessageType<Q>,
  response: MessageType<A>,
): GrpcMethod<Q, A> {
  return { path: `/runtime.v1.${path}`, request, response };
}

/** Every call of one request and one answer, by the name that it has here. */
export const methods = {
  version: method('RuntimeService/Version', runtime.versionRequest, runtime.versionResponse),
  status: method('RuntimeService/Status', runtime.statusRequest, runtime.statusResponse),
  runtimeConfig: method('RuntimeService/RuntimeConfig', empty, runtime.runtimeConfigResponse),
  updateRuntimeConfig: method(
    'RuntimeService/UpdateRuntimeConfig',
    runtime.updateRuntimeConfigRequest,
    empty,
  ),

  runPodSandbox: method(
    'RuntimeService/RunPodSandbox',
    sandboxes.runPodSandboxRequest,
    sandboxes.runPodSandboxResponse,
  ),
  stopPodSandbox: method('RuntimeService/StopPodSandbox', sandboxes.stopPodSandboxRequest, empty),
  removePodSandbox: method(
    'RuntimeService/RemovePodSandbox',
    sandboxes.removePodSandboxRequest,
    empty,
  ),
  podSandboxStatus: method(
    'RuntimeService/PodSandboxStatus',
    sandboxes.podSandboxStatusRequest,
    sandboxes.podSandboxStatusResponse,
  ),
  listPodSandbox: method(
    'RuntimeService/ListPodSandbox',
    sandboxes.listPodSandboxRequest,
    sandboxes.listPodSandboxResponse,
  ),
  updatePodSandboxResources: method(
    'RuntimeService/UpdatePodSandboxResources',
    sandboxes.updatePodSandboxResourcesRequest,
    empty,
  ),
  portForward: method(
    'RuntimeService/PortForward',
    sandboxes.portForwardRequest,
    sandboxes.portForwardResponse,
  ),

  createContainer: method(
    'RuntimeService/CreateContainer',
    containers.createContainerRequest,
    containers.createContainerResponse,
  ),
  startContainer: method('RuntimeService/StartContainer', containers.startContainerRequest, empty),
  stopContainer: method('RuntimeService/StopContainer', containers.stopContainerRequest, empty),
  removeContainer: method(
    'RuntimeService/RemoveContainer',
    containers.removeContainerRequest,
    empty,
  ),
  listContainers: method(
    'RuntimeService/ListContainers',
    containers.listContainersRequest,
    containers.listContainersResponse,
  ),
  containerStatus: method(
    'RuntimeService/ContainerStatus',
    containers.containerStatusRequest,
    containers.containerStatusResponse,
  ),
  updateContainerResources: method(
    'RuntimeService/UpdateContainerResources',
    containers.updateContainerResourcesRequest,
    empty,
  ),
  reopenContainerLog: method(
    'RuntimeService/ReopenContainerLog',
    containers.reopenContainerLogRequest,
    empty,
  ),
  execSync: method(
    'RuntimeService/ExecSync',
    containers.execSyncRequest,
    containers.execSyncResponse,
  ),
  exec: method('RuntimeService/Exec', containers.execRequest, containers.execResponse),
  attach: method('RuntimeService/Attach', containers.attachRequest, containers.attachResponse),

  containerStats: method(
    'RuntimeService/ContainerStats',
    stats.containerStatsRequest,
    stats.containerStatsResponse,
  ),
  listContainerStats: method(
    'RuntimeService/ListContainerStats',
    stats.listContainerStatsRequest,
    stats.listContainerStatsResponse,
  ),
  podSandboxStats: method(
    'RuntimeService/PodSandboxStats',
    stats.podSandboxStatsRequest,
    stats.podSandboxStatsResponse,
  ),
  listPodSandboxStats: method(
    'RuntimeService/ListPodSandboxStats',
    stats.listPodSandboxStatsRequest,
    stats.listPodSandboxStatsResponse,
  ),

  listImages: method(
    'ImageService/ListImages',
    images.listImagesRequest,
    images.listImagesResponse,
  ),
  imageStatus: method(
    'ImageService/ImageStatus',
    images.imageStatusRequest,
    images.imageStatusResponse,
  ),
  pullImage: method('ImageService/PullImage', images.pullImageRequest, images.pullImageResponse),
  removeImage: method('ImageService/RemoveImage', images.removeImageRequest, empty),
  imageFsInfo: method('ImageService/ImageFsInfo', empty, stats.imageFsInfoResponse),
} as const;

export const containerEvents = method(
  'RuntimeService/GetContainerEvents',
  empty,
  runtime.containerEventResponse,
);
