/**
 * The states of an application's instance: Kafka Streams'.
 *
 *   created ──> rebalancing <──> running
 *      │            │               │
 *      │            ├───────────────┤
 *      │            v               v
 *      ├──> pendingShutdown      pendingError
 *      │            │               │
 *      └────────> notRunning      error ──> pendingShutdown
 */
export const streamsArrows = {
  created: ['rebalancing', 'pendingShutdown', 'pendingError', 'notRunning'],
  rebalancing: ['running', 'pendingShutdown', 'pendingError'],
  running: ['rebalancing', 'pendingShutdown', 'pendingError'],
  pendingShutdown: ['notRunning'],
  pendingError: ['error', 'pendingShutdown'],
  error: ['pendingShutdown'],
  notRunning: [],
} as const satisfies Record<string, readonly string[]>

export type StreamsState = keyof typeof streamsArrows
