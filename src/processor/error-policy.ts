/**
 * What happens to a record that cannot be processed: `'fail'` stops the application, `'skip'` counts and leaves it out,
 * `{ deadLetter }` sends the source record to that topic with its cause in the headers (KIP-1034).
 */
export type ErrorPolicy = 'fail' | 'skip' | { readonly deadLetter: string }

/** Per kind of failure; each can be overridden per step. Default: 'fail'. */
export interface ErrorPolicies {
  readonly deserialize?: ErrorPolicy
  readonly process?: ErrorPolicy
  readonly produce?: ErrorPolicy
}
