/**
 * A log in the process, as a handle: it opens the broker at its first use and closes it after the last.
 *
 * Laws
 *  H1  one handle is one broker, however many use it
 *  H2  a folder belongs to one handle at a time: the folder's lock keeps out other handles of this process and other
 *      processes (DATA_DIR_LOCKED)
 */
import { assert } from '../base/assert.ts'
import { StreamError } from '../base/errors.ts'
import { type Machine, systemMachine } from '../base/machine.ts'
import { checkOptions, type OptionChecks, oneOf, shown } from '../base/option-checks.ts'
import type { Connection, LogLease, LogProvider } from '../protocol/connection.ts'
import { Broker } from './broker.ts'
import { type BrokerOptions, brokerChecks } from './options.ts'

export interface EmbeddedOptions extends BrokerOptions {
  /** How its users reach it: by reference (default), or through the codec, which shows that a wire would do. */
  readonly carrier?: 'direct' | 'codec'
}

const embeddedChecks = { ...brokerChecks, carrier: oneOf('direct', 'codec') } satisfies OptionChecks<EmbeddedOptions>

/**
 * The log in this folder, for `Streams.start({ log: embedded('./data') })`. Nothing is opened before the first use;
 * several applications may share one handle. CONFIG_INVALID for a folder or an option that is none.
 */
export function embedded(directory: string, options: EmbeddedOptions = {}): LogProvider {
  checkOptions('the embedded log', options, embeddedChecks)
  if (typeof directory !== 'string' || directory === '') {
    const what = `the embedded log was given the folder ${shown(directory)}; give the path of one: embedded('./data')`
    throw new StreamError('CONFIG_INVALID', what)
  }
  return new EmbeddedLog(directory, options)
}

class EmbeddedLog implements LogProvider {
  readonly description: string
  readonly #directory: string
  readonly #carrier: 'direct' | 'codec'
  readonly #options: BrokerOptions
  #users = 0
  #machine: Machine | null = null
  #broker: Promise<Broker> | null = null
  #closing: Promise<void> | null = null

  constructor(directory: string, options: EmbeddedOptions) {
    this.#directory = directory
    const { carrier = 'direct', ...brokerOptions } = options
    this.#carrier = carrier
    this.#options = brokerOptions
    this.description = `embedded log in ${directory}`
  }

  async acquire(machine: Machine = systemMachine): Promise<LogLease> {
    while (this.#closing !== null) await this.#closing
    assert(this.#broker === null || this.#machine === machine, 'H1: all users of a handle live on one machine')
    this.#machine = machine
    this.#broker ??= Broker.open(machine, this.#directory, this.#options)
    this.#users++
    try {
      return this.#lease(await this.#broker)
    } catch (error) {
      this.#users--
      if (this.#users === 0) this.#broker = null
      throw error
    }
  }

  #lease(broker: Broker): LogLease {
    const carrier = this.#carrier
    const connections = new Set<Connection>()
    let released: Promise<void> | null = null
    let deaf = (): void => undefined
    return {
      directory: this.#directory,
      connect: (clientId) => {
        assert(released === null, 'a lease is not used after its release')
        const connection = broker.connect({ clientId, carrier })
        connections.add(connection)
        return connection
      },
      onTrouble: (tell) => {
        deaf()
        deaf = broker.listen(tell)
      },
      release: () => {
        deaf()
        released ??= this.#release(broker, connections)
        return released
      },
    }
  }

  async #release(broker: Broker, connections: Iterable<Connection>): Promise<void> {
    for (const connection of connections) await connection.close()
    this.#users--
    if (this.#users > 0) return
    this.#broker = null
    this.#closing = broker.close().finally(() => {
      this.#closing = null
    })
    await this.#closing
  }
}
