/**
 * FindCoordinator, versions 0–6.
 * The one node coordinates every group (0) and every transactional id (1).
 * Left out: share groups.
 */
import { handler, node } from '../handler.ts'
import { codeOf } from '../kafka-answers.ts'
import { offsetsTopic, transactionsTopic } from '../topics/topic-name.ts'

const keyTypes = { group: 0, transaction: 1 } as const

export const findCoordinator = handler('FindCoordinator', { min: 0, max: 6 }, (request, broker, context) => {
  const { nodeId, host, port } = node
  const known = request.keyType === keyTypes.group || request.keyType === keyTypes.transaction
  const forGroups = request.keyType === keyTypes.group
  const { available, offline, failure } = forGroups ? broker.groups : broker.transactions
  // What is offline stays so: nobody should ask again and again.
  const refusal = offline ? 'KAFKA_STORAGE_ERROR' : 'COORDINATOR_NOT_AVAILABLE'
  const errorCode = codeOf(!known ? 'INVALID_REQUEST' : available ? 'NONE' : refusal)
  const topic = forGroups ? offsetsTopic : transactionsTopic
  const errorMessage = known && offline ? (failure?.message ?? `${topic}-0 is missing or damaged`) : null
  const answer = { errorCode, errorMessage, nodeId, host, port }
  if (context.version < 4) return { throttleTimeMs: 0, ...answer, coordinators: [] }
  const coordinators = request.coordinatorKeys.map((key) => ({ key, ...answer }))
  return { throttleTimeMs: 0, errorCode: 0, errorMessage: null, nodeId: 0, host: '', port: 0, coordinators }
})
