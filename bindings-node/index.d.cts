import type { Difference, Explanation } from './analysis.cjs'
import type { Code, HostBits, ListName, Reason, Verdict } from './literals.cjs'
import type { Diagnostic, Report } from './native.cjs'

export type * from './analysis.cjs'
export type * from './literals.cjs'
export type { Diagnostic, Report }

/** All traffic: the entry `0.0.0.0/0`. In a deny list it also means every IPv6 address. */
export declare const ALL_TRAFFIC: '0.0.0.0/0'

/** The header that carries the client address from edge to node (C-6). */
export declare const INTERNAL_HEADER: 'sandgate-client-address'

/** A network update: what it omits is cleared; internet access stays as it was (D-4). */
export interface NetworkUpdate {
  /** Egress destinations to allow: address entries and domain patterns. */
  allowOut?: readonly string[] | null
  /** Egress destinations to deny: address entries. */
  denyOut?: readonly string[] | null
  /** Ingress sources to allow: address entries, with optional ports of the sandbox. */
  allowIn?: readonly string[] | null
  /** Ingress sources to deny: address entries, with optional ports of the sandbox. */
  denyIn?: readonly string[] | null
  /** Replacement for the Host header, such as `app-${PORT}.example.com`. */
  maskRequestHost?: string | null
  /** `false`: the egress deny list becomes exactly `0.0.0.0/0`. */
  allowInternetAccess?: boolean
}

/** A network configuration. An absent list, or `null`, is an empty one. */
export interface NetworkConfig extends NetworkUpdate {
  /** `false`: requests need the sandbox's traffic access token. */
  allowPublicTraffic?: boolean
}

/** The operator's layer, which no entry of a policy can override. What is omitted keeps its default. */
export interface Guardrails {
  /** Egress networks that are always denied (E-3). */
  alwaysDenied?: readonly string[]
  /** Egress networks that are always allowed (E-1). */
  alwaysAllowed?: readonly string[]
  /** Ports of the sandbox that ingress rules do not judge (I-1). */
  exemptPorts?: readonly number[]
  /** The name server that a policy with domain patterns reaches (E-2). */
  nameServer?: string | null
}

/** How much a document may hold (D-6). What is omitted keeps its default. */
export interface Limits {
  /** Bytes of JSON text. Default: 16 MiB. */
  documentBytes?: number
  /** Entries of one list. Default: 100,000. */
  entriesPerList?: number
  /** Bytes of one entry or of the mask. Default: 1,024. */
  entryBytes?: number
  /** Diagnostics that a report keeps; it counts the rest. Default: 100. */
  diagnostics?: number
}

/** What the operator decides. */
export interface Options {
  /** Default: private, local and reserved networks denied. `'none'` must be asked for by name. */
  guardrails?: Guardrails | 'none'
  /** Whether egress entries may have ports: state it if the platform enforces them. */
  egressPorts?: boolean
  /** Whether ingress entries may be IPv6: state it if the platform enforces them. */
  ipv6Ingress?: boolean
  limits?: Limits
}

/** An egress question. */
export interface Destination {
  /** The destination address. */
  address: string
  /** The destination port, 0 to 65535; 0 for traffic without one. */
  port: number
  /** What stood in the HTTP Host header. Not together with `sni`. */
  host?: string | null
  /** The server name of TLS. Not together with `host`. */
  sni?: string | null
}

/** What to do with a connection, and why. */
export interface Decision {
  /**
   * What to do. `allow-by-name`: resolve `name` as an absolute name, and connect only to addresses
   * that `allowsResolved` accepts.
   */
  verdict: Verdict
  /** Whether this very address and port may be connected to. `false` for `allow-by-name`. */
  allowed: boolean
  /** Which step decided. The texts are stable. */
  reason: Reason
  /** The entry that decided, if it was one. */
  entry?: DecidingEntry
  /** The normalised name to resolve, if the verdict is `allow-by-name`. */
  name?: string
}

/** The entry that decided: the first that matches, in document order. */
export interface DecidingEntry {
  /** The list it stands in. */
  list: ListName
  /** Its place in the list, counted from 0. */
  index: number
  /** Its canonical text. */
  text: string
}

/** A client of `null`, `undefined`, or of text that is no address, is unknown, and every rule denies it. */
export type Client = string | null | undefined

/**
 * Addresses of a batch: strings, a `Uint32Array` of IPv4 addresses as numbers, or a `Uint8Array`
 * with the 16 bytes of each IPv6 address.
 */
export type Addresses = readonly string[] | Uint32Array | Uint8Array

/**
 * A compiled, immutable network policy.
 *
 * An exception from a question means: treat the answer as a denial.
 */
export declare class Policy {
  /** Judges and compiles a document: plain objects and arrays. Throws a `PolicyError`. */
  constructor(document: NetworkConfig, options?: Options)
  /** Judges and compiles JSON text. Unlike an object, text shows a field that is given twice. */
  static fromJson(text: string, options?: Options): Policy
  /** Judges and compiles what `save` gave, here or in another thread or process. */
  static restore(saved: string): Policy

  /** Whether a client may reach a port of the sandbox, 0 to 65535. */
  allowsIngress(client: Client, port: number): boolean
  /** Whether the sandbox may connect to this very address. It takes no host name: a name never makes it true. */
  allowsEgress(address: string, port: number): boolean
  /** Whether a client may reach a port of the sandbox, and why (I-1 to I-7). */
  decideIngress(client: Client, port: number): Decision
  /** Whether the sandbox may connect, to the address or by name, and why (E-1 to E-7). */
  decideEgress(destination: Destination): Decision
  /** What `decideIngress` says, with every step, every entry that matches, and what would flip the verdict. */
  explainIngress(client: Client, port: number): Explanation
  /** What `decideEgress` says, explained likewise. It takes time in proportion to the policy. */
  explainEgress(destination: Destination): Explanation
  /** Whether a connection by name may go to this address that the name resolved to (E-8). */
  allowsResolved(address: string): boolean
  /** Many questions at once; the answers are 0 or 1. `ports` is one port for all, or as many as there are clients. */
  allowsIngressMany(clients: Addresses | readonly Client[], ports: number | Uint16Array): Uint8Array
  /** Many questions at once, each the question of `allowsEgress`. */
  allowsEgressMany(addresses: Addresses, ports: number | Uint16Array): Uint8Array
  /** The Host header that a request to this port carries, if it is masked (M-3). */
  maskedHost(port: number): string | null

  /**
   * A hash of everything that decides, as 64 hexadecimal digits (H-3): the same for documents that
   * differ only in order, repetition and spelling.
   */
  get fingerprint(): string
  /** The text that the fingerprint is the SHA-256 of. */
  get canonicalText(): string
  /** What the policy does and its lists do not show: open name servers, IPv6, hidden names. */
  get effects(): Effect[]

  /** Whether both were compiled from the same entries with the same options (H-3). */
  equals(other: unknown): boolean
  /** The document and the options, as text for `restore`. */
  save(): string
  /** What `save` gives, as an object. */
  toJSON(): { config: NetworkConfig; options: SavedOptions }
  /** The document that compiles to this policy, every entry in its canonical text (G-10). */
  get config(): NetworkConfig
  /** The options that the policy was compiled with, defaults included. */
  get options(): SavedOptions
}

/** Something that a policy does and its lists do not show. */
export interface Effect {
  /** The stable code, in kebab case. */
  code: string
  /** One sentence: what happens. */
  message: string
}

/** Options with everything that they leave out filled in. */
export interface SavedOptions {
  guardrails: Required<Guardrails>
  capabilities: { egressPorts: boolean; ipv6Ingress: boolean }
  limits: Required<Limits>
}

/** A document, an entry or a mask is refused. Its message is every problem, one a line. */
export declare class PolicyError extends Error {
  private constructor()
  readonly name: 'PolicyError'
  readonly code: 'ERR_SANDGATE_POLICY'
  /** The problems that were kept, in the order of the document. */
  readonly diagnostics: readonly Diagnostic[]
  /** The exact number of problems that were found but not kept. */
  readonly more: number
}

/** Every error and, if there is none, every warning of a configuration. Never throws on a bad one. */
export declare function check(document: unknown, options?: Options): Report
/** The same for JSON text, with lines and columns. */
export declare function checkJson(text: string, options?: Options): Report
/** The same for an update, judged by itself: as the update of a configuration that allows internet access. */
export declare function checkUpdate(document: unknown, options?: Options): Report
/** The same for an update in JSON text, with lines and columns. */
export declare function checkUpdateJson(text: string, options?: Options): Report
/** What is wrong with a guardrails document; `null` if nothing is. */
export declare function checkGuardrails(document: unknown): Report | null

/** What may be repaired besides what always is, and what the operator decides. */
export interface RepairOptions extends Options {
  /** What `10.1.2.3/8` means: the network `10.0.0.0/8` or the address `10.1.2.3/32`. Left out, such an entry is left. */
  hostBits?: HostBits
  /** Whether entries are removed that another entry of their list covers: the policy is then equivalent. */
  minimize?: boolean
}

/** One entry that was rewritten or removed. */
export interface Repair {
  /** The list of the entry. */
  readonly list: ListName
  /** Its place in the list as it was, counted from 0. */
  readonly index: number
  /** What stood there. */
  readonly before: string
  /** What stands there now; `null` if it was removed. */
  readonly after: string | null
  /** Why, a sentence each, for a person. */
  readonly reasons: readonly string[]
}

/** A document as far as it can be repaired, frozen with all that is in it. Ask `report.valid` before the text replaces anything. */
export interface Repaired {
  /**
   * The document as far as it is repaired: every byte that no repair is about is as it was. If
   * `report.valid` is false, it is not a policy yet, and whatever reads it refuses it.
   */
  readonly text: string
  /** What was done, list by list and in the order of the entries. */
  readonly repairs: readonly Repair[]
  /** What `checkJson` says of `text`. Its errors are what only the author of the document can decide. */
  readonly report: FrozenReport
}

/** A report that cannot change. */
export interface FrozenReport extends Readonly<Omit<Report, 'errors' | 'warnings'>> {
  readonly errors: readonly Readonly<Diagnostic>[]
  readonly warnings: readonly Readonly<Diagnostic>[]
}

/**
 * Rewrites the entries of a configuration whose meaning is certain, and removes repeated ones. Never
 * throws on a bad document: what is left stands in the report. Rewritten are leading zeros that no
 * reader takes for octal, upper case and trailing dots.
 */
export declare function repairJson(text: string, options?: RepairOptions): Repaired

/**
 * What two policies do differently: entries, guardrails, capabilities and flags taken into account,
 * each change with a question that shows it. It takes time and memory near linear in the entries.
 */
export declare function diff(before: Policy, after: Policy): Difference
/** The part of the difference that lets through what was not: empty if the new policy tightens the old one. */
export declare function widening(before: Policy, after: Policy): Difference
/**
 * Whether the new policy lets nothing through that the old one does not. Verdicts are in the order
 * deny, allow by name, allow. A traffic access token that is no longer needed is wider too, and so
 * is a network to which allowed names may newly lead (E-8); the host mask does not count.
 */
export declare function tightens(before: Policy, after: Policy): boolean
/** Whether two policies do all the same. Reasons may differ, and so may the entries that decide. */
export declare function equivalent(one: Policy, other: Policy): boolean

/** The canonical text of an entry of `allowOut`, which takes every kind of entry. Throws a `PolicyError`. */
export declare function canonicalEntry(entry: string): string
/** The configuration after an update (D-4): lists and mask replaced, the rest kept. Entries are not judged. */
export declare function applyUpdate(config: NetworkConfig, update: NetworkUpdate): NetworkConfig

/** A replacement for the Host header, with placeholders for the port of the sandbox (M-1). */
export declare class HostMask {
  /** Throws a `PolicyError`. */
  constructor(text: string)
  /** The mask with the port filled in. */
  masked(port: number): string
  toString(): string
}

/** Headers as Fetch has them, as Node has them, or the lines of the one header as an array. */
export type HeaderSource =
  | { get(name: string): string | null }
  | { readonly [name: string]: string | readonly string[] | undefined }
  | readonly string[]

/** How the client address is derived. There is no default: trust has to be chosen (section 8). */
export declare class ClientAddress {
  private constructor()
  /** The peer address of the connection (C-2). */
  static peer(): ClientAddress
  /** The entry with exactly `hops` entries to its right (C-3). A peer outside `proxies` is the client itself. */
  static trustedHops(hops: number, options?: { proxies?: readonly string[] }): ClientAddress
  /** The first entry from the right that lies outside these networks (C-4). */
  static trustedProxies(networks: readonly string[]): ClientAddress
  /**
   * The client of a connection from `peer`, such as `socket.remoteAddress`, with these headers.
   * `null` is the unknown client, which a peer of unknown address has.
   */
  derive(peer: Client, headers?: HeaderSource): string | null
}

/** The client in `INTERNAL_HEADER`, on an authenticated connection from the edge; `null` if unknown (C-6). */
export declare function fromInternalHeader(headers: HeaderSource): string | null

/** A problem as Standard Schema tells it. */
export interface Issue {
  readonly message: string
  readonly path?: readonly (string | number)[]
  readonly code?: Code
  readonly diagnostic?: Diagnostic
}

/** A schema that implements Standard Schema (`~standard`), version 1. */
export interface DocumentSchema<Document> {
  readonly '~standard': {
    readonly version: 1
    readonly vendor: 'sandgate'
    readonly validate: (value: unknown) => { readonly value: Document; readonly issues?: undefined } | { readonly issues: readonly Issue[] }
    readonly types?: { readonly input: Document; readonly output: Document }
  }
  /** The grammar of the entries as far as JSON Schema can say it: for editors and forms. */
  readonly jsonSchema: Readonly<Record<string, unknown>>
  /** The same schema with what the operator decides. */
  with(options: Options): DocumentSchema<Document>
}

/** The schema of a network configuration. */
export declare const networkConfigSchema: DocumentSchema<NetworkConfig>
/** The schema of a network update. */
export declare const networkUpdateSchema: DocumentSchema<NetworkUpdate>
