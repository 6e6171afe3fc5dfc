import type { PartitionLog } from '../log/partition-log.ts'
import type { KafkaError } from '../protocol/error-codes.ts'

/** Does the client believe in another leader epoch than ours? -1: it does not say. */
export function epochProblem(log: PartitionLog, currentLeaderEpoch: number): KafkaError {
  if (currentLeaderEpoch < 0 || currentLeaderEpoch === log.leaderEpoch) return 'NONE'
  return currentLeaderEpoch < log.leaderEpoch ? 'FENCED_LEADER_EPOCH' : 'UNKNOWN_LEADER_EPOCH'
}
