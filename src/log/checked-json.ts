import { crc32c } from '../base/crc.ts'
import { messageOf, StreamError } from '../base/errors.ts'

const before = '{"crc":"'
const behind = '",'
const digits = 8
const bodyAt = before.length + digits + behind.length

/**
 * A small file of JSON that opens with the checksum of all that follows it:
 *
 *   {"crc":"0a1b2c3d",
 *    …
 *   }
 *
 * Laws
 *  J1  no byte of it can change without being found out: those before the checksum are always the same
 */
export function encodeCheckedJson(content: object): Buffer {
  const body = Buffer.from(`${JSON.stringify(content, null, 1).slice(1)}\n`)
  return Buffer.concat([Buffer.from(`${before}${checksumOf(body)}${behind}`), body])
}

/** J1. LOG_CORRUPT naming the file and what to do. */
export function decodeCheckedJson(path: string, bytes: Buffer, advice: string): Readonly<Record<string, unknown>> {
  const body = bytes.subarray(bodyAt)
  const head = bytes.toString('latin1', 0, bodyAt)
  if (!head.startsWith(before) || !head.endsWith(behind)) {
    const what =
      'has no checksum: it is damaged, or an early version of millrace wrote it, which this one does not read'
    throw new StreamError('LOG_CORRUPT', `${path} ${what}; ${advice}, or begin with another data folder`)
  }
  if (head.slice(before.length, -behind.length) !== checksumOf(body)) {
    throw new StreamError('LOG_CORRUPT', `${path} is damaged: its checksum does not match; ${advice}`)
  }
  try {
    return JSON.parse(bytes.toString()) as Record<string, unknown>
  } catch (error) {
    throw new StreamError('LOG_CORRUPT', `${path} is damaged: ${messageOf(error)}; ${advice}`)
  }
}

function checksumOf(body: Buffer): string {
  return crc32c(body, 0, body.length).toString(16).padStart(digits, '0')
}
