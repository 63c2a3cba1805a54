import * as v from 'valibot';

/**
 * What the desktop shell and the process that runs the cluster say to each other. Windows' frames
 * travel as JSON text: their size can be seen before anybody looks inside, and passing them on costs
 * the same whatever they hold.
 */

/** No honest message of the window is larger: the API itself takes 3 MiB. */
const maxFrameLength = 4 << 20;

const window = v.pipe(v.number(), v.safeInteger(), v.minValue(1));
const why = v.pipe(v.string(), v.maxLength(16_384));

/** A frame that a window sent. */
export const windowFrame = v.pipe(v.string(), v.maxLength(maxFrameLength));

/** About a window's port itself, in the place of a frame. */
export const portNotice = v.variant('type', [
  /** The cluster is there: frames are answered from now on. */
  v.strictObject({ type: v.literal('open') }),
  /** No frame is answered any more. */
  v.strictObject({ type: v.literal('closed'), why }),
]);
export type PortNotice = v.InferOutput<typeof portNotice>;

export const toControlPlane = v.variant('type', [
  /** A window wants in. Its port comes along where the platform can hand one over. */
  v.strictObject({ type: v.literal('connect'), window }),
  v.strictObject({ type: v.literal('frame'), window, frame: windowFrame }),
  v.strictObject({ type: v.literal('disconnect'), window }),
  v.strictObject({ type: v.literal('power'), state: v.picklist(['suspend', 'resume']) }),
  v.strictObject({ type: v.literal('stop') }),
]);
export type ToControlPlane = v.InferOutput<typeof toControlPlane>;

export const fromControlPlane = v.variant('type', [
  v.strictObject({ type: v.literal('ready'), server: v.string(), kubeconfig: v.string() }),
  /** The last word of a process that cannot run the cluster: final when trying again is no use. */
  v.strictObject({ type: v.literal('failed'), why, isFinal: v.boolean() }),
  v.strictObject({
    type: v.literal('frame'),
    window,
    frame: v.union([v.string(), portNotice]),
  }),
]);
export type FromControlPlane = v.InferOutput<typeof fromControlPlane>;
