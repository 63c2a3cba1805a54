import type { ResponseStream } from '#main/control-plane/apiserver/http/exchange.ts';

/**
 * Keeps what is written until it is known that the answer is a stream: a watch that is refused must
 * still be able to answer with another status.
 */
export class DeferredStream implements ResponseStream {
  #stream: ResponseStream | undefined;
  #chunks: Uint8Array[] = [];
  #isEnded = false;
  #isDestroyed = false;

  get pendingBytes(): number {
    return this.#stream?.pendingBytes ?? 0;
  }

  room(): Promise<void> | undefined {
    return this.#stream?.room();
  }

  connect(stream: ResponseStream): void {
    this.#stream = stream;
    for (const chunk of this.#chunks) stream.write(chunk);
    this.#chunks = [];
    if (this.#isDestroyed) stream.destroy();
    else if (this.#isEnded) stream.end();
  }

  write(chunk: Uint8Array): void {
    if (this.#stream) this.#stream.write(chunk);
    else this.#chunks.push(chunk);
  }

  end(): void {
    this.#isEnded = true;
    this.#stream?.end();
  }

  destroy(): void {
    this.#isDestroyed = true;
    this.#stream?.destroy();
  }

  onClose(listener: () => void): void {
    if (!this.#stream) throw new Error('The stream is not connected yet');
    this.#stream.onClose(listener);
  }
}
