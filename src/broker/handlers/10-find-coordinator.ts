/**
 * FindCoordinator, versions 0–6.
 * The one node coordinates every group (0) and every transactional id (1).
 * Left out: share groups.
 */
import { handler, node } from '../handler.ts'
import { codeOf } from '../kafka-answers.ts'

const keyTypes = { group: 0, transaction: 1 } as const

export const findCoordinator = handler('FindCoordinator', { min: 0, max: 6 }, (request, broker, context) => {
  const { nodeId, host, port } = node
  const known = request.keyType === keyTypes.group || request.keyType === keyTypes.transaction
  const available = request.keyType === keyTypes.group ? broker.groups.available : broker.transactions.available
  const errorCode = codeOf(!known ? 'INVALID_REQUEST' : available ? 'NONE' : 'COORDINATOR_NOT_AVAILABLE')
  const answer = { errorCode, errorMessage: null, nodeId, host, port }
  if (context.version < 4) return { throttleTimeMs: 0, ...answer, coordinators: [] }
  const coordinators = request.coordinatorKeys.map((key) => ({ key, ...answer }))
  return { throttleTimeMs: 0, errorCode: 0, errorMessage: null, nodeId: 0, host: '', port: 0, coordinators }
})
