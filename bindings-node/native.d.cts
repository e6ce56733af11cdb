import type { Code, Severity } from './literals.cjs'
/**
 * Which binding artifact the generated loader actually loaded: `'native'` for
 * a native addon, otherwise the `platformArchABI` of the WASI flavor. Every
 * flavor napi-rs can build is listed, because `NAPI_RS_NATIVE_LIBRARY_PATH`
 * can point the loader at a WASI artifact this package does not build itself.
 */
export declare const __napiBindingTarget: 'native' | 'wasm32-wasi' | 'wasm32-wasip1'

/** How the client address is derived. */
export declare class ClientMode {
  /**
   * The client of a connection from a peer with these header lines. A peer whose address is
   * unknown has an unknown client.
   */
  derive(peer: unknown, lines: unknown): string | null
}

/** A policy of the core. */
export declare class Compiled {
  /** What `explainIngress` reads. */
  explainIngress(client: unknown, port: unknown): string
  /** What `explainEgress` reads. */
  explainEgress(address: unknown, port: unknown, host: unknown, sni: unknown): string
  /** The function that `allowsIngress` calls. */
  ingress(): (client: string | null | undefined, port: number) => boolean
  /** The function that `allowsEgress` calls. */
  egress(): (address: string, port: number) => boolean
  /** What `decideIngress` calls; the decision as one text. */
  ingressExplained(): (client: string | null | undefined, port: number) => string
  /** What `decideEgress` calls; the decision as one text. */
  egressExplained(): (address: string, port: number, host?: string | null, sni?: string | null) => string
  allowsResolved(address: unknown): boolean
  allowsIngressMany(clients: unknown, ports: unknown): Uint8Array
  allowsEgressMany(addresses: unknown, ports: unknown): Uint8Array
  maskedHost(port: unknown): string | null
  /** The document and the options as JSON text. */
  save(): string
  fingerprint(): string
  canonicalText(): string
  /** Code and message of each effect. */
  effects(): Array<Array<string>>
  equals(other: Compiled): boolean
}

/** Panics as the core would. For the tests of this package. */
export declare function _provokePanic(): void

/** All traffic: the entry `0.0.0.0/0`. In a deny list it also means every IPv6 address. */
export declare const ALL_TRAFFIC: string

/** The configuration after an update (D-4), as JSON text. */
export declare function applyUpdate(config: unknown, update: unknown): string | Report

/** The canonical text of an entry of `allowOut`, which takes every kind of entry. */
export declare function canonicalEntry(entry: unknown): string | Report

/** What is wrong with a guardrails document, if anything is. */
export declare function checkGuardrails(document: unknown): Report | null

/** Judges a document of objects. */
export declare function checkObjects(document: unknown, update: boolean, options: unknown): Report

/** Judges a document in JSON text. */
export declare function checkText(text: unknown, update: boolean, options: unknown): Report

/** The three modes: no hops and no proxies are the peer. */
export declare function clientMode(hops: unknown, proxies: unknown): ClientMode | Report

/** Judges and compiles a document of objects. */
export declare function compile(document: unknown, options: unknown): Compiled | Report

/** Judges and compiles JSON text. */
export declare function compileJson(text: unknown, options: unknown): Compiled | Report

/** One violation or warning. */
export interface Diagnostic {
  /** The stable identifier of the problem. */
  code: Code
  /** Whether the problem refuses the document. */
  severity: Severity
  /** The place in the document as a JSON Pointer; empty for the document itself. */
  path: string
  /** The part of the text at `path` that is meant, in UTF-8 bytes; left out for all of it. */
  span?: [number, number]
  /** One sentence: what is wrong. */
  message: string
  /** A concrete repair, where there is one. */
  help?: string
  /** The line in the JSON text, from 1, if the document was read from text. */
  line?: number
  /** The character in the line, from 1, if the document was read from text. */
  column?: number
}

/** What `diff` reads. */
export declare function diff(before: Compiled, after: Compiled): string

export declare function equivalent(one: Compiled, other: Compiled): boolean

/** The client in the values of the internal header (C-6). */
export declare function fromInternalHeader(values: unknown): string | null

/** The name of the header that carries the client address from edge to node (C-6). */
export declare const INTERNAL_HEADER: string

/** A mask with the port filled in. */
export declare function maskedHost(mask: unknown, port: unknown): string | Report

/** What `repairJson` reads. */
export declare function repair(text: unknown, options: unknown): string

/** Every problem of a document, in the order of its text. */
export interface Report {
  /** Whether the document holds: no errors. Warnings do not count. */
  valid: boolean
  /** The errors that were kept. */
  errors: Array<Diagnostic>
  /** The warnings that were kept. */
  warnings: Array<Diagnostic>
  /** The exact number of problems that were found but not kept. */
  more: number
  /** All of them for a person, one a line. */
  message: string
}

/** Judges and compiles what `save` gave. */
export declare function restore(saved: unknown): Compiled

/** The two JSON Schemas, as JSON text. */
export declare function schemas(): Array<string>

export declare function tightens(before: Compiled, after: Compiled): boolean

/** What `widening` reads. */
export declare function widening(before: Compiled, after: Compiled): string
