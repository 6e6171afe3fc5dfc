/**
 * Text: UTF-8 strings and UUIDs, in the bytes of Kafka's StringSerializer and UUIDSerializer.
 */
import type { ByteWriter } from '../base/bytes.ts'
import type { Serde } from '../base/serde.ts'
import { decodeText } from './decode-text.ts'
import { malformed, unfit } from './failure.ts'

class StringSerde implements Serde<string> {
  readonly name = 'string'

  encode(value: string, into: ByteWriter): void {
    if (!this.fits(value)) throw unfit(this.name, value, 'a string')
    into.utf8(value)
  }

  fits(value: string): boolean {
    return typeof value === 'string'
  }

  decode(bytes: Buffer, start: number, end: number): string {
    return decodeText(bytes, start, end)
  }
}

/** UTF-8 text. Bytes that are no UTF-8 are read as U+FFFD, as Kafka's deserializer reads them. */
export const string: Serde<string> = new StringSerde()

const uuidForm = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

class UuidSerde implements Serde<string> {
  readonly name = 'uuid'

  encode(value: string, into: ByteWriter): void {
    if (typeof value !== 'string' || !uuidForm.test(value))
      throw unfit(this.name, value, 'a UUID in the 8-4-4-4-12 form')
    into.utf8(value.toLowerCase())
  }

  decode(bytes: Buffer, start: number, end: number): string {
    const value = bytes.latin1Slice(start, end)
    if (!uuidForm.test(value)) throw malformed(this.name, `${end - start} bytes that are not a UUID's text`)
    return value.toLowerCase()
  }
}

/** A UUID as its 36 characters of text, lower case: 'f81d4fae-7dec-11d0-a765-00a0c91e6bf6'. */
export const uuid: Serde<string> = new UuidSerde()
