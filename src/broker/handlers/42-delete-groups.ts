/**
 * DeleteGroups, versions 0–2.
 * A group without members goes, with its offsets.
 * Left out: nothing.
 */
import { handler } from '../handler.ts'
import { codeOf } from '../kafka-answers.ts'

export const deleteGroups = handler('DeleteGroups', { min: 0, max: 2 }, async (request, broker) => {
  const results = request.groupsNames.map(async (groupId) => {
    return { groupId, errorCode: codeOf(await broker.groups.delete(groupId)) }
  })
  return { throttleTimeMs: 0, results: await Promise.all(results) }
})
