import { messageOf, StreamError } from '../base/errors.ts'

/** One line for the terminal: code and message of a coded error, name and message of any other. */
export function failureLine(error: unknown): string {
  const text = StreamError.is(error)
    ? error.message
    : `${error instanceof Error ? error.name : 'Error'}: ${messageOf(error)}`
  return text.replace(/\s*\n\s*/g, ' ').trim()
}
