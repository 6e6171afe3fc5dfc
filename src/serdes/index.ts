/** The door `millrace/serdes`: values ↔ bytes, all in the bytes of Kafka's own serializers. */
export { ByteWriter } from '../base/bytes.ts'
export type { Serde } from '../base/serde.ts'
export { boolean, bytes } from './binary.ts'
export { json } from './json.ts'
export { bigint64, float64, int32, int64 } from './numbers.ts'
export { string, uuid } from './text.ts'
export { TimeWindowedSerde, timeWindowed, Windowed } from './windowed.ts'
