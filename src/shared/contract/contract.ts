import type { GenericSchema, InferOutput } from 'valibot';

/** One question, one answer. The input is validated where it arrives. */
export interface Call<Input extends GenericSchema = GenericSchema, Output = unknown> {
  readonly kind: 'call';
  readonly input: Input;
  /** Never set; carries the type. */
  readonly output?: Output;
}

/** One question, answers until either side has had enough. */
export interface Stream<Input extends GenericSchema = GenericSchema, Output = unknown> {
  readonly kind: 'stream';
  readonly input: Input;
  readonly output?: Output;
}

/** A list of operations, said once for both sides. */
export type Contract = Readonly<Record<string, Call | Stream>>;

export interface CallOptions {
  readonly signal?: AbortSignal;
}

export type Client<C extends Contract> = {
  readonly [K in keyof C]: C[K] extends Call<infer Input, infer Output>
    ? (input: InferOutput<Input>, options?: CallOptions) => Promise<Output>
    : C[K] extends Stream<infer Input, infer Output>
      ? (input: InferOutput<Input>, options?: CallOptions) => AsyncIterable<Output>
      : never;
};

export interface CallContext {
  /** Aborted when the caller has gone or has had enough. */
  readonly signal: AbortSignal;
}

export type Handlers<C extends Contract> = {
  readonly [K in keyof C]: C[K] extends Call<infer Input, infer Output>
    ? (input: InferOutput<Input>, context: CallContext) => Promise<Output> | Output
    : C[K] extends Stream<infer Input, infer Output>
      ? (input: InferOutput<Input>, context: CallContext) => AsyncIterable<Output>
      : never;
};

export function call<Input extends GenericSchema>(
  input: Input,
): { returns<Output>(): Call<Input, Output> } {
  return { returns: () => ({ kind: 'call', input }) };
}

export function stream<Input extends GenericSchema>(
  input: Input,
): { yields<Output>(): Stream<Input, Output> } {
  return { yields: () => ({ kind: 'stream', input }) };
}
