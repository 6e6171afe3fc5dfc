/** The door `millrace/broker`: an embedded log. */
export { Broker, type ConnectOptions } from './broker.ts'
export { type EmbeddedOptions, embedded } from './embedded.ts'
export type { BrokerOptions } from './options.ts'
