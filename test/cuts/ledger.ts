/**
 * What the producers of a history were told, and what a reader must find because of it.
 *
 * Laws
 *  K1  a record that was acknowledged under acks=all is there, once, at the offset that was told
 *  K2  a record that was not acknowledged is there once or not at all, and no record is there that was never sent
 *  K3  of a transaction that was committed every record is there, of one that was not none; of one whose commit was under way
 *      all or none
 *  K4  the records of one producer in one partition are in the order of their sending
 */
export type Fate = 'open' | 'committing' | 'committed' | 'aborted'

export interface Sent {
  /** Its value: unique in the history. */
  readonly id: string
  readonly producer: string
  readonly topic: string
  readonly partition: number
  /** In the order of sending, over the history. */
  readonly order: number
  /** null: not acknowledged. */
  offset: number | null
  /** null: a plain record. */
  readonly transaction: string | null
}

export interface Found {
  readonly id: string
  readonly topic: string
  readonly partition: number
  readonly offset: number
}

export class Ledger {
  readonly #sent = new Map<string, Sent>()
  readonly #fates = new Map<string, Fate>()

  send(producer: string, topic: string, partition: number, transaction: string | null): Sent {
    const order = this.#sent.size
    const sent: Sent = { id: `${producer}/${order}`, producer, topic, partition, order, offset: null, transaction }
    this.#sent.set(sent.id, sent)
    return sent
  }

  begin(): string {
    const transaction = `transaction ${this.#fates.size}`
    this.#fates.set(transaction, 'open')
    return transaction
  }

  tell(transaction: string, fate: Fate): void {
    this.#fates.set(transaction, fate)
  }

  get acknowledged(): number {
    return [...this.#sent.values()].filter(({ offset }) => offset !== null).length
  }

  get committed(): number {
    return [...this.#fates.values()].filter((fate) => fate === 'committed').length
  }

  /** Compares with what a read_committed reader found in all topics; throws what is wrong first. Then the unknown is known. */
  check(found: readonly Found[]): void {
    const byId = new Map<string, Found>()
    const lastOf = new Map<string, Sent>()
    for (const record of found) {
      const sent = this.#sent.get(record.id)
      if (sent === undefined) throw new Error(`K2: ${place(record)} holds ${record.id}, which was never sent`)
      const twice = byId.get(record.id)
      if (twice !== undefined) throw new Error(`K2: ${record.id} is at ${place(twice)} and at ${place(record)}`)
      byId.set(record.id, record)
      const line = `${sent.producer} ${record.topic}-${record.partition}`
      const before = lastOf.get(line)
      if (before !== undefined && before.order > sent.order) throw new Error(`K4: ${sent.id} is behind ${before.id}`)
      lastOf.set(line, sent)
    }
    for (const sent of this.#sent.values()) {
      if (sent.transaction === null) checkPlain(sent, byId.get(sent.id))
    }
    this.#checkTransactions(byId)
  }

  #checkTransactions(found: ReadonlyMap<string, Found>): void {
    const records = new Map<string, Sent[]>()
    for (const sent of this.#sent.values()) {
      if (sent.transaction === null) continue
      const list = records.get(sent.transaction) ?? []
      list.push(sent)
      records.set(sent.transaction, list)
    }
    for (const [transaction, list] of records) {
      const there = list.filter(({ id }) => found.has(id))
      const fate = this.#fates.get(transaction)!
      if (fate === 'committed' && there.length < list.length) {
        const missing = list.find(({ id }) => !found.has(id))!
        throw new Error(
          `K3: ${transaction} was committed, and ${missing.id} is not in ${missing.topic}-${missing.partition}`,
        )
      }
      if (fate === 'committing' && there.length !== 0 && there.length !== list.length) {
        throw new Error(
          `K3: of ${transaction}, whose commit was under way, ${there.length} of ${list.length} records are there`,
        )
      }
      if ((fate === 'open' || fate === 'aborted') && there.length > 0) {
        throw new Error(`K3: ${transaction} was never committed (${fate}), and ${there[0]!.id} is there`)
      }
      // What a cut left unknown is decided now, and stays so.
      if (fate !== 'committed') this.#fates.set(transaction, there.length > 0 ? 'committed' : 'aborted')
    }
  }
}

function checkPlain(sent: Sent, found: Found | undefined): void {
  if (sent.offset === null) {
    // Seen once, it may not go again.
    if (found !== undefined) sent.offset = found.offset
    return
  }
  if (found === undefined)
    throw new Error(`K1: ${sent.id} was acknowledged at ${place({ ...sent, offset: sent.offset })} and is gone`)
  if (found.offset !== sent.offset) {
    throw new Error(`K1: ${sent.id} was acknowledged at offset ${sent.offset} and is at ${place(found)}`)
  }
}

function place({ topic, partition, offset }: { topic: string; partition: number; offset: number | null }): string {
  return `${topic}-${partition}@${offset}`
}
