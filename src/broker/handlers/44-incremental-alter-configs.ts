/**
 * IncrementalAlterConfigs, versions 0–1.
 * Sets, deletes (back to the default), appends to and subtracts from configs of topics; checked as CreateTopics does.
 * Left out: configs of brokers and of loggers.
 */
import type { RequestOf } from '../../protocol/api.ts'
import { type BrokerRooms, handler } from '../handler.ts'
import { codeOf, type Refusal, refused } from '../kafka-answers.ts'
import { changedList, configProblem, configValue, isListConfig, type TopicConfigs } from '../topics/topic-configs.ts'
import { resourceTypes } from './32-describe-configs.ts'

type Asked = RequestOf<'IncrementalAlterConfigs'>['resources'][number]
type Change = Asked['configs'][number]

const operations = ['set', 'delete', 'append', 'subtract'] as const

export const incrementalAlterConfigs = handler(
  'IncrementalAlterConfigs',
  { min: 0, max: 1 },
  async (request, broker) => {
    const responses = request.resources.map(async (asked) => {
      const { error, message } = await alter(broker, asked, request.validateOnly)
      const { resourceType, resourceName } = asked
      return { errorCode: codeOf(error), errorMessage: message, resourceType, resourceName }
    })
    return { throttleTimeMs: 0, responses: await Promise.all(responses) }
  },
)

async function alter(broker: BrokerRooms, asked: Asked, validateOnly: boolean): Promise<Refusal> {
  const { resourceType, resourceName, configs } = asked
  if (resourceType !== resourceTypes.topic) {
    return refused('INVALID_REQUEST', `resource type ${resourceType} cannot be altered here; name a topic (2)`)
  }
  return broker.topics.alter(resourceName, validateOnly, (current) => changed(current, configs))
}

function changed(current: TopicConfigs, changes: readonly Change[]): TopicConfigs | Refusal {
  let next = current
  for (const { name, configOperation, value } of changes) {
    const operation = operations[configOperation]
    if (operation === undefined) return refused('INVALID_REQUEST', `operation ${configOperation} on ${name} is unknown`)
    if (operation === 'delete') {
      next = Object.fromEntries(Object.entries(next).filter(([known]) => known !== name))
      continue
    }
    if (operation !== 'set' && !isListConfig(name)) {
      return refused('INVALID_CONFIG', `${name} is no list: it cannot ${operation}`)
    }
    const result = operation === 'set' ? value : changedList(configValue(next, name), value ?? '', operation)
    const problem = configProblem(name, result)
    if (problem !== null) return refused('INVALID_CONFIG', problem)
    next = { ...next, [name]: result! }
  }
  return next
}
