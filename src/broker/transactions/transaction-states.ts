/**
 * The states of a transaction, Kafka's.
 *
 *   Empty ──> Ongoing ──┬──> PrepareCommit ──> CompleteCommit ──┬──> Empty, Ongoing
 *     ^          ^      │       │ (what it covers cannot be      │
 *     │          └──────│───────┘  made durable, or never was)   │
 *     │                 └──> PrepareAbort ───> CompleteAbort ────┘
 *   Empty, CompleteCommit, CompleteAbort ──> Dead (forgotten after a week without use)
 *
 * PrepareCommit begins when EndTxn is accepted, so that nothing more joins the transaction. It is written beside the syncs of all
 * it covers, and counts when they are through (`Staged` in transaction-records.ts).
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
