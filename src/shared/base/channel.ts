/** Values pushed on one side, iterated on the other, in order and without loss. One reader. */
export class Channel<T> implements AsyncIterable<T> {
  #values: T[] = [];
  #wake = Promise.withResolvers<void>();
  #end: { readonly error?: unknown } | undefined;

  push(value: T): void {
    if (this.#end) return;
    this.#values.push(value);
    this.#wake.resolve();
  }

  /** What has been pushed is still read; then the iteration ends, with a throw if there is an error. */
  end(error?: unknown): void {
    if (this.#end) return;
    this.#end = error === undefined ? {} : { error };
    this.#wake.resolve();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void> {
    for (;;) {
      if (this.#values.length === 0 && !this.#end) await this.#wake.promise;
      this.#wake = Promise.withResolvers();
      const values = this.#values;
      this.#values = [];
      yield* values;
      if (this.#values.length > 0 || !this.#end) continue;
      if ('error' in this.#end) throw this.#end.error;
      return;
    }
  }
}
