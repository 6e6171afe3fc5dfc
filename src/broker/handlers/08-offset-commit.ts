/**
 * OffsetCommit, versions 2–9.
 * Checks member and generation; answered when the disk has the offsets, and what they point behind. Offsets never expire.
 * Left out: the retention time of versions 2 to 4, which is ignored; member epochs of the new group protocol.
 */

import { flatOffsets, groupedErrors } from '../groups/offset-messages.ts'
import { handler } from '../handler.ts'
import { codeOf } from '../kafka-answers.ts'

export const offsetCommit = handler('OffsetCommit', { min: 2, max: 9 }, async (request, broker) => {
  const { groupId, memberId, groupInstanceId, generationIdOrMemberEpoch: generationId } = request
  const offsets = flatOffsets(request.topics)
  const errors = await broker.groups.commit(groupId, { memberId, groupInstanceId, generationId }, offsets)
  return { throttleTimeMs: 0, topics: groupedErrors(request.topics, errors.map(codeOf)) }
})
