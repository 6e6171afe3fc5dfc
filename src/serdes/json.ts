/**
 * JSON in UTF-8. The type is the caller's word for what is in the topic: nothing is checked at run time.
 */
import type { ByteWriter } from '../base/bytes.ts'
import type { Serde } from '../base/serde.ts'
import { malformed, unfit } from './failure.ts'

class JsonSerde<T> implements Serde<T> {
  readonly name = 'json'

  encode(value: T, into: ByteWriter): void {
    into.utf8(textOf(value))
  }

  decode(bytes: Buffer, start: number, end: number): T {
    const text = bytes.utf8Slice(start, end)
    try {
      return JSON.parse(text) as T
    } catch (cause) {
      throw malformed(this.name, `${end - start} bytes that are not JSON`, { cause })
    }
  }
}

function textOf(value: unknown): string {
  let text: string | undefined
  try {
    text = JSON.stringify(value)
  } catch (cause) {
    throw unfit('json', value, 'a value without cycles and bigints', { cause })
  }
  if (text === undefined) throw unfit('json', value, 'a value that JSON can say')
  return text
}

const shared: Serde<unknown> = new JsonSerde<unknown>()

/**
 * Any value that JSON can say.
 *
 * @example
 * const orders = topic('orders', { key: string, value: json<{ amount: number }>() })
 */
export function json<T>(): Serde<T> {
  return shared as Serde<T>
}
