import { messagesV2 } from '#main/control-plane/apiserver/openapi/gnostic-v2.ts';
import { messagesV3 } from '#main/control-plane/apiserver/openapi/gnostic-v3.ts';
import type { Json } from '#main/control-plane/apiserver/openapi/definitions.ts';
import { ProtobufWriter } from '#shared/api/codec/protobuf-writer.ts';

/**
 * How a member of an OpenAPI document is written in gnostic's protobuf: a scalar, a message by name,
 * or a list of either. `any` holds YAML; `extensions` are the members that begin with `x-`; `named`
 * and `entries` are objects whose keys are names, in a message of their own or in this one;
 * `wrapped` stands where JSON has one value or a list and protobuf a message around a list.
 */
export type Field =
  | { readonly key: string; readonly number: number; readonly kind: Scalar }
  | {
      readonly key: string;
      readonly number: number;
      readonly kind: 'message' | 'messages' | 'named' | 'wrapped';
      readonly of: string;
    }
  | { readonly number: number; readonly kind: 'extensions' }
  | {
      readonly number: number;
      readonly kind: 'entries';
      readonly of: string;
      /** Which of the object's keys are entries. */
      readonly keys: RegExp;
    };

type Scalar = 'text' | 'texts' | 'bool' | 'integer' | 'double' | 'any' | 'anys' | 'types';

/** Fields by name of the message, in ascending number; a function picks the arm of a union: `[number, message]` around it. */
export type Messages = Readonly<Record<string, readonly Field[] | Union>>;
type Union = (value: unknown) => readonly [number: number, of: string];

export function encodeDocumentV2(document: Json): Uint8Array {
  return encode(messagesV2, document);
}

export function encodeDocumentV3(document: Json): Uint8Array {
  return encode(messagesV3, document);
}

function encode(messages: Messages, document: Json): Uint8Array {
  const encoder = new Encoder(messages);
  encoder.message('Document', document);
  return encoder.writer.finish();
}

const lengthDelimited = 2;

class Encoder {
  readonly writer = new ProtobufWriter(1 << 20);
  readonly #messages: Messages;

  constructor(messages: Messages) {
    this.#messages = messages;
  }

  /** Without length and tag. */
  message(name: string, value: unknown): void {
    const message = this.#messages[name];
    if (!message) throw new Error(`gnostic has no message ${name}`);
    if (typeof message === 'function') {
      const [number, of] = message(value);
      this.#nested(number, of, value);
      return;
    }
    for (let index = message.length - 1; index >= 0; index--)
      this.#field(message[index]!, value as Json);
  }

  /** Arms of unions may be scalars, or nothing where gnostic has no place for the value. */
  #nested(number: number, of: string, value: unknown): void {
    if (of === 'nothing') return;
    if (of === 'boolean') {
      this.writer.byte(value === true ? 1 : 0);
      this.writer.varint32(number * 8);
      return;
    }
    if (of === 'number') return this.#scalar(number, 'double', value);
    if (of === 'text') return this.#text(number, value as string);
    const start = this.writer.length;
    this.message(of, value);
    this.writer.varint32(this.writer.length - start);
    return this.writer.varint32(number * 8 + lengthDelimited);
  }

  #field(field: Field, object: Json): void {
    const { number } = field;
    if (field.kind === 'extensions') {
      this.#entries(number, 'Any', object, /^x-/);
      return;
    }
    if (field.kind === 'entries') {
      this.#entries(number, field.of, object, field.keys);
      return;
    }
    const value = object[field.key];
    if (value === undefined) return;
    if (field.kind === 'message') this.#nested(number, field.of, value);
    else if (field.kind === 'messages') this.#each(number, field.of, value as readonly unknown[]);
    else if (field.kind === 'named')
      this.#wrap(number, () => this.#entries(1, field.of, value as Json, /^/));
    else if (field.kind === 'wrapped')
      this.#wrap(number, () => this.#each(1, field.of, [value].flat()));
    else this.#scalar(number, field.kind, value);
  }

  #each(number: number, of: string, items: readonly unknown[]): void {
    for (let index = items.length - 1; index >= 0; index--) this.#nested(number, of, items[index]);
  }

  #scalar(number: number, kind: Scalar, value: unknown): void {
    const { writer } = this;
    const tag = number * 8;
    switch (kind) {
      case 'text':
        this.#text(number, value as string);
        break;
      case 'texts':
        for (const item of (value as readonly string[]).toReversed()) this.#text(number, item);
        break;
      case 'types':
        this.#wrap(number, () => this.#text(1, value as string));
        break;
      case 'bool':
        if (value !== true) return;
        writer.byte(1);
        writer.varint32(tag);
        break;
      case 'integer':
        writer.varint64(value as number);
        writer.varint32(tag);
        break;
      case 'double':
        writer.fixed64(value as number);
        writer.varint32(tag + 1);
        break;
      case 'any':
        this.#any(number, value);
        break;
      case 'anys':
        for (const item of (value as readonly unknown[]).toReversed()) this.#any(number, item);
        break;
    }
  }

  #text(number: number, value: string): void {
    this.writer.text(value);
    this.writer.varint32(number * 8 + lengthDelimited);
  }

  /** `{ 2: yaml }` */
  #any(number: number, value: unknown): void {
    this.#wrap(number, () => this.#text(2, `${yamlOf(value, '')}\n`));
  }

  #entries(number: number, of: string, object: Json, keys: RegExp): void {
    const names = Object.keys(object).filter((key) => keys.test(key));
    for (const name of names.toReversed()) {
      this.#wrap(number, () => {
        const value = object[name];
        if (of === 'Any') this.#any(2, value);
        else if (of === 'StringArray') this.#wrap(2, () => this.#scalar(1, 'texts', value));
        else this.#nested(2, of, value);
        this.#text(1, name);
      });
    }
  }

  #wrap(number: number, write: () => void): void {
    const start = this.writer.length;
    write();
    this.writer.varint32(this.writer.length - start);
    this.writer.varint32(number * 8 + lengthDelimited);
  }
}

/** The blocks that go-yaml writes; what could be mistaken for something else is quoted. */
function yamlOf(value: unknown, indent: string): string {
  if (Array.isArray(value) && value.length > 0)
    return value.map((item) => `- ${yamlOf(item, `${indent}  `)}`).join(`\n${indent}`);
  if (typeof value === 'object' && value !== null && Object.keys(value).length > 0) {
    const members = Object.entries(value).map(([key, member]) => {
      const isBlock = typeof member === 'object' && member !== null;
      const inner = isBlock ? `${indent}  ` : indent;
      return `${key}:${isBlock ? `\n${inner}` : ' '}${yamlOf(member, inner)}`;
    });
    return members.join(`\n${indent}`);
  }
  if (
    typeof value === 'string' &&
    /^[A-Za-z][\w./+-]*(?:,[\w-]+)*$/.test(value) &&
    !mistakable.test(value)
  )
    return value;
  return JSON.stringify(value);
}

const mistakable = /^(?:y|n|yes|no|on|off|true|false|null)$/i;
