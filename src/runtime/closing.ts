/**
 * Closing several things, one after the other.
 *
 * Law
 *  C1  every step is taken, whatever the ones before it throw: what cannot be let go of does not keep the rest
 */
export type ClosingStep = () => void | Promise<void>

/** What goes wrong is handed to `onError`: there is something worse to tell already. */
export async function closeEach(steps: Iterable<ClosingStep>, onError: (error: unknown) => void): Promise<void> {
  for (const step of steps) {
    try {
      await step()
    } catch (error) {
      onError(error)
    }
  }
}

/** Throws the first thing that went wrong, at the end. */
export async function closeAll(steps: Iterable<ClosingStep>): Promise<void> {
  const errors: unknown[] = []
  await closeEach(steps, (error) => errors.push(error))
  if (errors.length > 0) throw errors[0]
}
