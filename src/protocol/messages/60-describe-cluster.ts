/**
 * DescribeCluster (key 60), versions 0–1.
 * 0: flexible · 1: endpoint type
 */
import { api } from '../message.ts'
import { array, boolean, from, int8, int16, int32, nullable, string, struct } from '../schema.ts'

export const describeCluster = api({
  key: 60,
  versions: [0, 1],
  pinned: 0,
  oldest: 0,
  flexible: 0,
  request: struct({
    includeClusterAuthorizedOperations: boolean,
    endpointType: from('1+', int8, 1),
  }),
  response: struct({
    throttleTimeMs: int32,
    errorCode: int16,
    errorMessage: nullable(string),
    endpointType: from('1+', int8, 1),
    clusterId: string,
    controllerId: int32,
    brokers: array(
      struct({
        brokerId: int32,
        host: string,
        port: int32,
        rack: nullable(string),
      }),
    ),
    clusterAuthorizedOperations: int32,
  }),
})
