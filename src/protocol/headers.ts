/**
 * What precedes each message on the wire: request header v1 (v2 when flexible) and response header v0 (v1 when
 * flexible). An ApiVersions response always has v0, so that a client can read it before it knows any version.
 */
import type { ByteReader, ByteWriter } from '../base/bytes.ts'
import { StreamError } from '../base/errors.ts'
import { type ApiName, apiNameOf, apis } from './api.ts'
import { nullable, string, struct } from './schema.ts'

export interface RequestHeader {
  readonly api: ApiName
  readonly version: number
  readonly correlationId: number
  readonly clientId: string | null
}

const noFields = struct({})
const clientIdType = nullable(string)

export function isFlexible(api: ApiName, version: number): boolean {
  return version >= apis[api].flexible
}

export function writeRequestHeader(writer: ByteWriter, header: RequestHeader): void {
  writer.int16(apis[header.api].key)
  writer.int16(header.version)
  writer.int32(header.correlationId)
  // The client's name keeps its old form in the flexible header too.
  clientIdType.write(writer, header.clientId, 0, false)
  if (isFlexible(header.api, header.version)) noFields.write(writer, {}, 0, true)
}

/** PROTOCOL_UNSUPPORTED for a key or version the tables do not have. */
export function readRequestHeader(reader: ByteReader): RequestHeader {
  const key = reader.int16()
  const version = reader.int16()
  const correlationId = reader.int32()
  const clientId = clientIdType.read(reader, 0, false)
  const api = apiNameOf(key)
  if (api === undefined) throw new StreamError('PROTOCOL_UNSUPPORTED', `API key ${key} is not known here`)
  requireVersion(api, version)
  if (isFlexible(api, version)) noFields.read(reader, 0, true)
  return { api, version, correlationId, clientId }
}

export function writeResponseHeader(writer: ByteWriter, api: ApiName, version: number, correlationId: number): void {
  writer.int32(correlationId)
  if (api !== 'ApiVersions' && isFlexible(api, version)) noFields.write(writer, {}, 0, true)
}

/** Returns the correlation id. */
export function readResponseHeader(reader: ByteReader, api: ApiName, version: number): number {
  const correlationId = reader.int32()
  if (api !== 'ApiVersions' && isFlexible(api, version)) noFields.read(reader, 0, true)
  return correlationId
}

export function requireVersion(api: ApiName, version: number): void {
  const [min, max] = apis[api].versions
  if (!(version >= min && version <= max)) {
    throw new StreamError('PROTOCOL_UNSUPPORTED', `${api} version ${version} is outside ${min}–${max}`)
  }
}
