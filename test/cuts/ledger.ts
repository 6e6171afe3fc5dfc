/**
 * What the producers of a history were told, and what a reader must find because of it.
 *
 * Laws
 *  K1  a record that was acknowledged under acks=all is there, once, at the offset that was told
 *  K2  a record that was not acknowledged is there once or not at all, and no record is there that was never sent
 *  K3  of a transaction that was committed every record is there, of one that was not none; of one whose commit was under way
 *      all or none
 *  K4  the records of one producer in one partition are in the order of their sending
 *  K5  a record that was not there when a later life looked never comes back
 *  K6  the offsets of a group are those of its last transaction that was committed, and count as that one's records do
 *  K7  while a transaction that holds offsets of a group is open, they are not reported as stable
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
  /** A later life looked and did not find it. */
  lost: boolean
}

/** The offset that a transaction commits for a group, in every partition of it. */
interface Claim {
  readonly group: string
  readonly offset: number
}

export interface Found {
  readonly id: string
  readonly topic: string
  readonly partition: number
  readonly offset: number
}

export class Ledger {
  readonly #sent = new Map<string, Sent>()
  /** In the order of their beginning. */
  readonly #fates = new Map<string, Fate>()
  readonly #claims = new Map<string, Claim>()
  /** By group: the open transaction that holds offsets of it. */
  readonly #holding = new Map<string, string>()

  send(producer: string, topic: string, partition: number, transaction: string | null): Sent {
    const order = this.#sent.size
    const id = `${producer}/${order}`
    const sent: Sent = { id, producer, topic, partition, order, offset: null, transaction, lost: false }
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
    const claim = this.#claims.get(transaction)
    if (claim !== undefined) this.#holding.delete(claim.group)
  }

  /** The transaction is about to commit an offset for the group; gives it. No two transactions have the same. */
  claim(transaction: string, group: string): number {
    const offset = this.#claims.size + 1
    this.#claims.set(transaction, { group, offset })
    return offset
  }

  /** The broker has the offsets of the transaction. */
  claimed(transaction: string): void {
    this.#holding.set(this.#claims.get(transaction)!.group, transaction)
  }

  /** The open transaction that holds offsets of the group, if any (K7). */
  holding(group: string): string | undefined {
    return this.#holding.get(group)
  }

  get acknowledged(): number {
    return [...this.#sent.values()].filter(({ offset }) => offset !== null).length
  }

  get committed(): number {
    return [...this.#fates.values()].filter((fate) => fate === 'committed').length
  }

  /**
   * Compares with what a read_committed reader found in all topics, and with the offset of each group, after all who sent
   * are gone; throws what is wrong first. Then the unknown is known.
   */
  check(found: readonly Found[], offsets: ReadonlyMap<string, number | null>): void {
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
    this.#checkTransactions(byId, offsets)
    this.#checkOffsets(offsets)
    this.#holding.clear()
  }

  #checkTransactions(found: ReadonlyMap<string, Found>, offsets: ReadonlyMap<string, number | null>): void {
    const records = new Map<string, Sent[]>()
    for (const sent of this.#sent.values()) {
      if (sent.transaction === null) continue
      const list = records.get(sent.transaction) ?? []
      list.push(sent)
      records.set(sent.transaction, list)
    }
    for (const [transaction, fate] of this.#fates) {
      const list = records.get(transaction) ?? []
      const there = list.filter(({ id }) => found.has(id))
      checkTransaction(transaction, fate, list, there)
      if (fate === 'committed') continue
      // What a cut left unknown is decided now, and stays so. Without records its offset tells.
      const claim = this.#claims.get(transaction)
      const offsetThere = claim !== undefined && offsets.get(claim.group) === claim.offset
      const committed = list.length > 0 ? there.length > 0 : fate === 'committing' && offsetThere
      this.#fates.set(transaction, committed ? 'committed' : 'aborted')
    }
  }

  #checkOffsets(offsets: ReadonlyMap<string, number | null>): void {
    const last = new Map<string, { readonly transaction: string; readonly offset: number }>()
    for (const [transaction, fate] of this.#fates) {
      const claim = this.#claims.get(transaction)
      if (claim !== undefined && fate === 'committed') last.set(claim.group, { transaction, offset: claim.offset })
    }
    for (const [group, offset] of offsets) {
      const told = last.get(group)
      if ((told?.offset ?? null) === offset) continue
      const why = told === undefined ? 'none was committed' : `${told.transaction} was committed with ${told.offset}`
      throw new Error(`K6: the offset of ${group} is ${offset}, and ${why}`)
    }
  }
}

function checkTransaction(transaction: string, fate: Fate, sent: readonly Sent[], there: readonly Sent[]): void {
  if (fate === 'committed' && there.length < sent.length) {
    const missing = sent.find((record) => !there.includes(record))!
    throw new Error(
      `K3: ${transaction} was committed, and ${missing.id} is not in ${missing.topic}-${missing.partition}`,
    )
  }
  if (fate === 'committing' && there.length !== 0 && there.length !== sent.length) {
    throw new Error(
      `K3: of ${transaction}, whose commit was under way, ${there.length} of ${sent.length} records are there`,
    )
  }
  if ((fate === 'open' || fate === 'aborted') && there.length > 0) {
    throw new Error(`K3: ${transaction} was never committed (${fate}), and ${there[0]!.id} is there`)
  }
}

function checkPlain(sent: Sent, found: Found | undefined): void {
  if (sent.offset === null) {
    if (found !== undefined && sent.lost) throw new Error(`K5: ${sent.id} was gone, and is at ${place(found)} again`)
    sent.lost = found === undefined
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
