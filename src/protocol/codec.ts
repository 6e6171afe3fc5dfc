/**
 * Whole messages, header and body, without the length that a socket puts before them.
 * Decoding answers with a value or a StreamError (PROTOCOL_INVALID, PROTOCOL_UNSUPPORTED), whatever the bytes.
 * `records` are decoded by reference: they keep the message's buffer alive.
 */
import { ByteReader, ByteWriter } from '../base/bytes.ts'
import { StreamError } from '../base/errors.ts'
import { frameBytesMax, KiB, MiB } from '../base/limits.ts'
import { type ApiName, definitionOf, type RequestOf, type ResponseOf } from './api.ts'
import {
  isFlexible,
  type RequestHeader,
  readRequestHeader,
  readResponseHeader,
  requireVersion,
  writeRequestHeader,
  writeResponseHeader,
} from './headers.ts'

const scratchBytes = 64 * KiB
const scratchBytesMax = 1 * MiB

export function encodeRequest<A extends ApiName>(
  header: RequestHeader & { readonly api: A },
  body: RequestOf<A>,
): Buffer {
  requireVersion(header.api, header.version)
  return written((writer) => {
    writeRequestHeader(writer, header)
    definitionOf<A>(header.api).request.write(writer, body, header.version, isFlexible(header.api, header.version))
  })
}

export interface DecodedRequest<A extends ApiName = ApiName> {
  readonly header: RequestHeader
  readonly body: RequestOf<A>
}

export function decodeRequest(message: Buffer): DecodedRequest {
  const reader = new ByteReader(message)
  const header = readRequestHeader(reader)
  const body = definitionOf(header.api).request.read(reader, header.version, isFlexible(header.api, header.version))
  requireEnd(reader, header.api)
  return { header, body }
}

export function encodeResponse<A extends ApiName>(
  api: A,
  version: number,
  correlationId: number,
  body: ResponseOf<A>,
): Buffer {
  requireVersion(api, version)
  return written((writer) => {
    writeResponseHeader(writer, api, version, correlationId)
    definitionOf<A>(api).response.write(writer, body, version, isFlexible(api, version))
  })
}

export interface DecodedResponse<A extends ApiName> {
  readonly correlationId: number
  readonly body: ResponseOf<A>
}

export function decodeResponse<A extends ApiName>(api: A, version: number, message: Buffer): DecodedResponse<A> {
  requireVersion(api, version)
  const reader = new ByteReader(message)
  const correlationId = readResponseHeader(reader, api, version)
  const body = definitionOf<A>(api).response.read(reader, version, isFlexible(api, version))
  requireEnd(reader, api)
  return { correlationId, body }
}

/** One buffer serves all messages while they are written; a very large one is not kept. */
let scratch = new ByteWriter(scratchBytes, frameBytesMax)

function written(write: (writer: ByteWriter) => void): Buffer {
  const writer = scratch
  writer.reset()
  write(writer)
  if (writer.buffer.length <= scratchBytesMax) return writer.copy()
  scratch = new ByteWriter(scratchBytes, frameBytesMax)
  return writer.view()
}

function requireEnd(reader: ByteReader, api: ApiName): void {
  if (reader.remaining > 0) {
    throw new StreamError('PROTOCOL_INVALID', `${reader.remaining} bytes follow the end of a ${api} message`)
  }
}
