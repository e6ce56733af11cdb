// That type checkers know every field of an explanation and of a difference. Compiled with `tsc --strict`, never run.

import type {
  AddressRange, AddressSteps, Change, CitedEntry, Difference, Direction, Edit, Explanation, Flip, HostInput, Input, ListName, MaskChange,
  NameTerm, Names, Outcome, PortSpan, Reason, Region, ResolvedChange, Rule, SeenIn, Step, StepOutcome, TokenChange, Verdict, Witness,
} from 'sandgate'

/** Whether two types are one: a field that is wider, optional, writable or missing is another. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
type Is<A, B> = Same<A, Readonly<B>> extends true ? true : never
type List<T> = readonly T[]

export const fields: readonly true[] = [
  true satisfies Is<Explanation, {
    direction: Direction, input: Input, verdict: Verdict, reason: Reason, entry: CitedEntry | null, name: string | null, addresses: List<AddressSteps>,
    decidedBy: number, combination: string | null, others: List<CitedEntry>, more: number, flips: List<Flip>, noFlip: string | null
  }>,
  true satisfies Is<Input, { address: string | null, canonical: string | null, embedded: string | null, port: number, host: HostInput | null }>,
  true satisfies Is<HostInput, { sent: string, seenIn: SeenIn, name: string | null, flaw: string | null }>,
  true satisfies Is<AddressSteps, { address: string | null, verdict: Verdict, reason: Reason, steps: List<Step> }>,
  true satisfies Is<Step, { rule: Rule, title: string, outcome: StepOutcome, why: string }>,
  true satisfies Is<Flip, { edit: Edit, list: ListName, index: number, text: string, verdict: Verdict, reason: Reason, note: string | null }>,
  true satisfies Is<CitedEntry, { list: ListName, index: number, text: string }>,
  true satisfies Is<Difference, { changes: List<Change>, resolved: List<ResolvedChange>, accessToken: TokenChange | null, hostMask: MaskChange | null }>,
  true satisfies Is<Change, { direction: Direction, before: Verdict, after: Verdict, names: Names | null, regions: List<Region> }>,
  true satisfies Is<NameTerm, { pattern: string, except: List<string> }>,
  true satisfies Is<Region, {
    addresses: List<AddressRange>, networks: List<string>, ports: List<PortSpan>, witness: Witness, entriesBefore: List<CitedEntry>,
    entriesAfter: List<CitedEntry>, citesAll: boolean
  }>,
  true satisfies Is<AddressRange, { first: string, last: string }>,
  true satisfies Is<PortSpan, { low: number, high: number }>,
  true satisfies Is<Witness, { address: string | null, port: number, host: string | null, before: Outcome, after: Outcome }>,
  true satisfies Is<Outcome, { verdict: Verdict, reason: Reason, entry: CitedEntry | null }>,
  true satisfies Is<ResolvedChange, { before: 'allow' | 'deny', after: 'allow' | 'deny', addresses: List<AddressRange>, witness: string }>,
  true satisfies Is<TokenChange, { noLongerNeeded: List<PortSpan>, needed: List<PortSpan> }>,
  true satisfies Is<MaskChange, { before: string | null, after: string | null, port: number }>,
]

/** Each of the three kinds of names, and no fourth. */
export function patterns(names: Names): readonly string[] {
  if (names === 'any') return []
  if ('matching' in names) return names.matching.flatMap(({ pattern, except }) => [pattern, ...except])
  const { notMatching, ...nothing } = names
  const none: Record<string, never> = nothing
  return [...notMatching, ...Object.keys(none)]
}

/** Whether a step decides is told by three outcomes. */
export function decides({ outcome }: Step): boolean {
  switch (outcome) {
    case 'decides':
      return true
    case 'does-not-apply':
    case 'not-reached':
      return false
    default: {
      const never: never = outcome
      return never
    }
  }
}

// @ts-expect-error there is no such step
export const rule: Rule = 'E-8'
