/**
 * DescribeCluster, versions 0–1.
 * One node, which is the controller. Controllers as endpoints of their own (version 1) do not exist here.
 * Left out: authorized operations.
 */
import { handler, node } from '../handler.ts'
import { codeOf } from '../kafka-answers.ts'
import { operationsUnknown } from './03-metadata.ts'

const brokers = 1

export const describeCluster = handler('DescribeCluster', { min: 0, max: 1 }, (request, broker) => {
  const { endpointType } = request
  const known = endpointType === brokers
  return {
    throttleTimeMs: 0,
    errorCode: codeOf(known ? 'NONE' : 'INVALID_REQUEST'),
    errorMessage: known ? null : `endpoint type ${endpointType} is not served here; ask for brokers (1)`,
    endpointType,
    clusterId: broker.topics.clusterId,
    controllerId: node.nodeId,
    brokers: known ? [{ brokerId: node.nodeId, host: node.host, port: node.port, rack: null }] : [],
    clusterAuthorizedOperations: operationsUnknown,
  }
})
