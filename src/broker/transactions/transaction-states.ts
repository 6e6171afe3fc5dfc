/**
 * The states of a transaction, Kafka's.
 *
 *   Empty ──> Ongoing ──┬──> PrepareCommit ──> CompleteCommit ──┬──> Empty, Ongoing
 *     ^          ^      │       │ (a partition could not be      │
 *     │          └──────│───────┘  synced, nothing was written)  │
 *     │                 └──> PrepareAbort ───> CompleteAbort ────┘
 *   Empty, CompleteCommit, CompleteAbort ──> Dead (forgotten after a week without use)
 *
 * In memory PrepareCommit begins when EndTxn is accepted, so that nothing more joins the transaction; on disk it is
 * written once everything it covers is synced.
 */
export const transactionStates = {
  Empty: ['Empty', 'Ongoing', 'Dead'],
  Ongoing: ['PrepareCommit', 'PrepareAbort'],
  PrepareCommit: ['CompleteCommit', 'Ongoing'],
  PrepareAbort: ['CompleteAbort'],
  CompleteCommit: ['Empty', 'Ongoing', 'Dead'],
  CompleteAbort: ['Empty', 'Ongoing', 'Dead'],
  Dead: [],
} as const satisfies Record<string, readonly string[]>

export type TransactionState = keyof typeof transactionStates

/** By their number in the record. */
export const storedStates = [
  'Empty',
  'Ongoing',
  'PrepareCommit',
  'PrepareAbort',
  'CompleteCommit',
  'CompleteAbort',
  'Dead',
] as const satisfies readonly TransactionState[]

export type StoredState = (typeof storedStates)[number]
