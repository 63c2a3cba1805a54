import { ApiError } from '#shared/kube/errors.ts';

/** The first byte of each message of a terminal over WebSocket says what it belongs to. */
export const channels = {
  stdin: 0,
  stdout: 1,
  stderr: 2,
  error: 3,
  resize: 4,
  close: 255,
} as const;

/** One way to put a terminal's streams into WebSocket messages. */
export interface ChannelProtocol {
  readonly name: string;
  /** Text messages: a digit for the channel, then base64. */
  readonly isBase64: boolean;
  /** How it went comes as a Status object, not as a sentence only when it failed. */
  readonly hasStatus: boolean;
  /** The client can end its input alone. */
  readonly canCloseInput: boolean;
}

const protocol = (name: string, more: Partial<ChannelProtocol> = {}): ChannelProtocol => ({
  name,
  isBase64: false,
  hasStatus: false,
  canCloseInput: false,
  ...more,
});

const channelProtocols: readonly ChannelProtocol[] = [
  protocol('v5.channel.k8s.io', { hasStatus: true, canCloseInput: true }),
  protocol('v4.channel.k8s.io', { hasStatus: true }),
  protocol('v4.base64.channel.k8s.io', { hasStatus: true, isBase64: true }),
  protocol('base64.channel.k8s.io', { isBase64: true }),
  protocol('channel.k8s.io'),
];

/** The first of the client's protocols that is spoken here; who names none gets the oldest. */
export function negotiateChannels(offered: readonly string[]): ChannelProtocol {
  if (offered.length === 0) return protocol('');
  for (const name of offered) {
    const found = channelProtocols.find((each) => each.name === name);
    if (found) return found;
  }
  const spoken = channelProtocols.map(({ name }) => name).join(' ');
  throw new ApiError(
    'Forbidden',
    `requested protocol(s) are not supported: [${offered.join(' ')}]; supports [${spoken}]`,
  );
}

export function encodeChannel(
  { isBase64 }: ChannelProtocol,
  channel: number,
  data: Uint8Array,
): Buffer | string {
  if (isBase64) return `${channel}${Buffer.from(data).toString('base64')}`;
  return Buffer.concat([Buffer.from([channel]), data]);
}

/** Absent for a message without a channel, which says nothing. */
export function decodeChannel(
  { isBase64 }: ChannelProtocol,
  message: Buffer,
): { readonly channel: number; readonly data: Buffer } | undefined {
  const [first] = message;
  if (first === undefined) return undefined;
  const data = message.subarray(1);
  if (!isBase64) return { channel: first, data };
  return { channel: first - 0x30, data: Buffer.from(data.toString('latin1'), 'base64') };
}
