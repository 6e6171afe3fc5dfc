/**
 * ListGroups, versions 0–5.
 * All groups are classic ones; filters compare without case, as Kafka's do.
 * Left out: nothing.
 */
import { handler } from '../handler.ts'
import { codeOf } from '../kafka-answers.ts'

const groupType = 'classic'

export const listGroups = handler('ListGroups', { min: 0, max: 5 }, (request, broker) => {
  if (!broker.groups.available) {
    return { throttleTimeMs: 0, errorCode: codeOf('COORDINATOR_NOT_AVAILABLE'), groups: [] }
  }
  const states = new Set(request.statesFilter.map((state) => state.toLowerCase()))
  const types = new Set(request.typesFilter.map((type) => type.toLowerCase()))
  const groups = broker.groups.list().filter(({ state }) => {
    return (states.size === 0 || states.has(state.toLowerCase())) && (types.size === 0 || types.has(groupType))
  })
  return {
    throttleTimeMs: 0,
    errorCode: 0,
    groups: groups.map(({ groupId, protocolType, state }) => {
      return { groupId, protocolType: protocolType ?? '', groupState: state, groupType }
    }),
  }
})
