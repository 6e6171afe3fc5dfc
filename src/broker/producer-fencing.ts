import type { KafkaError } from '../protocol/error-codes.ts'

/** PRODUCER_FENCED came with a later version of each API; before it clients know INVALID_PRODUCER_EPOCH only. */
export function fencedSince(since: number, version: number, error: KafkaError): KafkaError {
  return error === 'PRODUCER_FENCED' && version < since ? 'INVALID_PRODUCER_EPOCH' : error
}
