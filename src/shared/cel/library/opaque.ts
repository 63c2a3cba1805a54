import { objectType, type CelType } from '#shared/cel/types.ts';
import type { CelObject } from '#shared/cel/values.ts';

/** A value of a library's own type, with whatever it stands for. */
export class Opaque<T> implements CelObject {
  readonly isCelObject = true;
  readonly type: CelType;
  readonly content: T;
  readonly #isEqual: (left: T, right: T) => boolean;

  constructor(name: string, content: T, isEqual: (left: T, right: T) => boolean) {
    this.type = objectType(name);
    this.content = content;
    this.#isEqual = isEqual;
  }

  equals(other: CelObject): boolean {
    if (!(other instanceof Opaque) || other.type.kind !== 'object') return false;
    const isSameKind = this.type.kind === 'object' && this.type.name === other.type.name;
    return isSameKind && this.#isEqual(this.content, other.content as T);
  }
}
