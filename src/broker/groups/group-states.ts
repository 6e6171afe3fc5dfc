/**
 * The states of a group, Kafka's classic protocol.
 *
 *            ┌───────────────────────────────────────────┐
 *            v                                           │
 *   Empty ──> PreparingRebalance ──> CompletingRebalance ──> Stable
 *     ^             │     ^                │                   │
 *     └─────────────┘     └────────────────┴───────────────────┘
 *   any ──> Dead (deleted, or the broker closes)
 */
export const groupStates = {
  Empty: ['PreparingRebalance', 'Dead'],
  PreparingRebalance: ['CompletingRebalance', 'Empty', 'Dead'],
  CompletingRebalance: ['Stable', 'PreparingRebalance', 'Dead'],
  Stable: ['PreparingRebalance', 'Dead'],
  Dead: [],
} as const satisfies Record<string, readonly string[]>

export type GroupState = keyof typeof groupStates
