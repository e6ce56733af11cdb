// Second opinions: what they are asked, and the lists of where they differ. `tests/opinions/README.md`
// describes them.

import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const repository = process.env.SANDGATE_REPOSITORY ?? join(import.meta.dirname, '../..')
const read = (...path) => JSON.parse(readFileSync(join(repository, 'tests', ...path), 'utf8'))

// What a vector calls a text that is an entry, an address or a host.
const keys = new Set(
  'entry allowOut denyOut allowIn denyIn alwaysDenied alwaysAllowed trustedProxies address client peer host sni'.split(' '),
)

function gather(value) {
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, inner]) => {
    const own = keys.has(key) ? [inner].flat().filter((text) => typeof text === 'string') : []
    return own.concat(gather(inner))
  })
}

/** The texts written for the opinions, and those of the vectors. */
export function texts() {
  const written = ['addresses', 'names'].flatMap((name) => read('opinions', 'inputs', `${name}.json`).groups)
  const vectors = readdirSync(join(repository, 'tests/vectors')).filter((name) => name.endsWith('.json'))
  const all = written.flatMap((group) => group.inputs).concat(vectors.flatMap((name) => gather(read('vectors', name))))
  return [...new Set(all)]
}

/** Every address with every network. */
export function memberships() {
  const { networks, addresses } = read('opinions', 'inputs', 'memberships.json')
  return networks.flatMap((network) => addresses.map((address) => ({ address, network })))
}

const line = ({ input, sandgate, opinion }) => JSON.stringify({ input, sandgate, opinion })

/**
 * The list of this name, for a version of the opinion. Of a version that the list does not know,
 * what depends on the version is not judged.
 */
function list(name, version) {
  const { versions = [], differences } = read('opinions', `${name}.json`)
  const isKnown = versions.length === 0 || versions.includes(version)
  const depends = differences.filter((byRule) => byRule.versions !== undefined)
  const unjudged = new Set(isKnown ? [] : depends.flatMap((byRule) => byRule.inputs.map(({ input }) => input)))
  const holding = differences.filter((byRule) => byRule.versions?.includes(version) ?? true)
  const listed = holding.flatMap((byRule) => byRule.inputs).filter(({ input }) => !unjudged.has(input))
  return { unjudged, listed: new Set(listed.map(line)) }
}

/** Fails unless the readings that differ are those on the list of this name. */
export function compare(name, readings, version) {
  const { unjudged, listed } = list(name, version)
  const differing = readings.filter(({ input, sandgate, opinion }) => sandgate !== opinion && !unjudged.has(input))
  const found = new Set(differing.map(line))
  const problems = [
    ...[...found].filter((entry) => !listed.has(entry)).map((entry) => `not on the list: ${entry}`),
    ...[...listed].filter((entry) => !found.has(entry)).map((entry) => `on the list, and no difference: ${entry}`),
  ]
  assert.ok(problems.length === 0, `tests/opinions/${name}.json\n${problems.join('\n')}`)
}

/** Compares two readings of every text. */
export function compareTexts(name, sandgate, opinion, version) {
  compare(name, texts().map((input) => ({ input, sandgate: sandgate(input), opinion: opinion(input) })), version)
}
