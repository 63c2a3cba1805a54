import type { KeyValue } from '../store.ts';
import { crc32c } from './crc32c.ts';
import { keyValueLength, writeKeyValue } from './key-value-bytes.ts';

const atOnce = 256;

/** A checksum over key-values in the order given, letting others have a turn now and then. */
export async function hashKeyValues(kvs: readonly KeyValue[]): Promise<number> {
  let hash = 0;
  let bytes = Buffer.alloc(64 * 1024);
  for (const [index, kv] of kvs.entries()) {
    const length = keyValueLength(kv);
    if (length > bytes.length) bytes = Buffer.alloc(length * 2);
    writeKeyValue(kv, bytes, 0);
    hash = crc32c(bytes.subarray(0, length), hash);
    if (index % atOnce === atOnce - 1) {
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
    }
  }
  return hash;
}
