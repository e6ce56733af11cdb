import type { Direction, Edit, ListName, Reason, Rule, SeenIn, StepOutcome, Verdict } from './literals.cjs'

// Explanations and differences, as `sandgate explain` and `sandgate diff` print them in JSON. They
// are frozen with all that is in them. What is not there is `null`; no field is left out.

/** An answer with everything that led to it. The sentences in it are for people and may change. */
export interface Explanation {
  readonly direction: Direction
  /** What was asked, as it was given and as it is read. */
  readonly input: Input
  /** As `decideIngress` and `decideEgress` give it. */
  readonly verdict: Verdict
  readonly reason: Reason
  /** The entry that decided, if it was one: the first that matches. */
  readonly entry: CitedEntry | null
  /** The normalised name to resolve, if the verdict is `allow-by-name` (E-8). */
  readonly name: string | null
  /** The steps: once, or twice for a destination that carries an IPv4 address. */
  readonly addresses: readonly AddressSteps[]
  /** The index in `addresses` of those steps that decided. */
  readonly decidedBy: number
  /** A sentence: how the answers about two addresses make one. */
  readonly combination: string | null
  /** The other entries of both lists that match, in document order; at most `limits.diagnostics`. */
  readonly others: readonly CitedEntry[]
  /** How many match beyond those. */
  readonly more: number
  /** Changes of one entry that turn a deny into something else, or the reverse; the narrowest first. */
  readonly flips: readonly Flip[]
  /** A sentence: why there is no such change, if there is none. */
  readonly noFlip: string | null
}

/** What was asked. */
export interface Input {
  /** The destination or the client as it was given; `null` is the unknown client (I-3). */
  readonly address: string | null
  /** The address that is judged: IPv4 if it was IPv4-mapped. */
  readonly canonical: string | null
  /** The IPv4 address that an egress destination carries, judged as well. */
  readonly embedded: string | null
  /** The port; 0 is traffic without one. */
  readonly port: number
  /** The host name that an egress client sent, if one was given. */
  readonly host: HostInput | null
}

/** A host name as it was sent, and as it is read. */
export interface HostInput {
  readonly sent: string
  /** Where it was seen (N-7). */
  readonly seenIn: SeenIn
  /** The normalised name; `null` if it is no domain name (N-8). */
  readonly name: string | null
  /** A sentence: why it is none. */
  readonly flaw: string | null
}

/** The steps of section 7 for one address. */
export interface AddressSteps {
  /** The address; `null` is the unknown client (I-3). */
  readonly address: string | null
  /** What the steps say of this address by itself. */
  readonly verdict: Verdict
  readonly reason: Reason
  /** All seven, in order. */
  readonly steps: readonly Step[]
}

/** A step of section 7. */
export interface Step {
  readonly rule: Rule
  /** What the step is about, in a few words. */
  readonly title: string
  readonly outcome: StepOutcome
  /** A sentence: what matched, or why nothing did. */
  readonly why: string
}

/** A change of one entry, and the verdict of the changed document, which is valid. */
export interface Flip {
  readonly edit: Edit
  readonly list: ListName
  /** The place in the list, counted from 0. An added entry stands at its end. */
  readonly index: number
  /** The canonical text of the entry. */
  readonly text: string
  readonly verdict: Verdict
  readonly reason: Reason
  /** A sentence: what else the change does, if that is easily overlooked. */
  readonly note: string | null
}

/** An entry of a policy. */
export interface CitedEntry {
  /** The list it stands in. */
  readonly list: ListName
  /** Its place in the list, counted from 0. */
  readonly index: number
  /** Its canonical text. */
  readonly text: string
}

/**
 * What two policies do differently, exactly: a question that lies in a change and in one of its
 * regions gets the verdicts that the change states, and every other gets one verdict from both.
 */
export interface Difference {
  /** Verdicts that change, egress first. */
  readonly changes: readonly Change[]
  /** Addresses that an allowed name may lead to under one policy and not under the other (E-8). */
  readonly resolved: readonly ResolvedChange[]
  /** Ports whose requests need the traffic access token under one policy only. */
  readonly accessToken: TokenChange | null
  /** What the Host header of some requests is replaced by. */
  readonly hostMask: MaskChange | null
}

/** Regions where the verdict changes in one way. */
export interface Change {
  readonly direction: Direction
  /** The verdict of the old policy. */
  readonly before: Verdict
  /** The verdict of the new policy. */
  readonly after: Verdict
  /** The names that egress connections are for; `null` for ingress, which has none. */
  readonly names: Names | null
  /** Where: regions that share no question. */
  readonly regions: readonly Region[]
}

/** Names of a change: every name and connections without one, those that a term matches, or all others. */
export type Names = 'any' | NamesMatching | NamesNotMatching

/** Names that one of the terms matches. No two terms share a name. */
export interface NamesMatching {
  readonly matching: readonly NameTerm[]
}

/** Connections without a valid name, and names that none of the patterns matches. */
export interface NamesNotMatching {
  readonly notMatching: readonly string[]
}

/** Names that a pattern matches and its exceptions do not. */
export interface NameTerm {
  readonly pattern: string
  /** Patterns within it whose names are not meant. */
  readonly except: readonly string[]
}

/** Addresses times ports where a change holds. */
export interface Region {
  /** In order, IPv4 first. Empty for the unknown client of ingress (I-3). */
  readonly addresses: readonly AddressRange[]
  /** The same addresses as the fewest networks, in order. */
  readonly networks: readonly string[]
  /** The ports, in order. */
  readonly ports: readonly PortSpan[]
  /** A question within the region, and both answers. */
  readonly witness: Witness
  /** Entries of the old policy that decide in the region about the name of the witness. */
  readonly entriesBefore: readonly CitedEntry[]
  /** The same of the new policy. */
  readonly entriesAfter: readonly CitedEntry[]
  /** Whether these are all that decide in the region. */
  readonly citesAll: boolean
}

/** Addresses of one family, both ends included. IPv4-mapped addresses are judged as IPv4. */
export interface AddressRange {
  readonly first: string
  readonly last: string
}

/** Ports, both ends included. Port 0 is traffic without one. */
export interface PortSpan {
  readonly low: number
  readonly high: number
}

/** A question that two policies answer differently: it can be asked again. */
export interface Witness {
  /** The destination or the client; `null` is the unknown client (I-3). */
  readonly address: string | null
  readonly port: number
  /** The host name that the connection is for, as `sni`, if it has one. */
  readonly host: string | null
  /** The answer of the old policy. */
  readonly before: Outcome
  /** The answer of the new policy. */
  readonly after: Outcome
}

/** What one policy decides about a question. */
export interface Outcome {
  readonly verdict: Verdict
  readonly reason: Reason
  /** The entry that decided, if it was one. */
  readonly entry: CitedEntry | null
}

/** Addresses that are denied under one policy only if an allowed name resolves to them (E-8). */
export interface ResolvedChange {
  /** What the guardrails of the old policy say of the addresses. */
  readonly before: Exclude<Verdict, 'allow-by-name'>
  /** The same of the new policy. */
  readonly after: Exclude<Verdict, 'allow-by-name'>
  /** In order, IPv4 first. */
  readonly addresses: readonly AddressRange[]
  /** One of them, to be asked about with `allowsResolved`. */
  readonly witness: string
}

/** Ports of the sandbox whose requests need the traffic access token under one policy only. */
export interface TokenChange {
  readonly noLongerNeeded: readonly PortSpan[]
  readonly needed: readonly PortSpan[]
}

/** What the Host header of requests is replaced by; `null` is no replacement (M-3). */
export interface MaskChange {
  /** The mask of the old policy. */
  readonly before: string | null
  /** The mask of the new policy. */
  readonly after: string | null
  /** The lowest port whose requests carry another Host header. */
  readonly port: number
}
